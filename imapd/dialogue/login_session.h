// A new connection in; who its client is, or its end, out: IMAP's not authenticated state.
//
// What the client sends behind its login stays in the connection for the worker, which also answers
// the command that logged in: its tag is the state that travels.
//
// STANDARDS  RFC 9051 sections 6.1 and 6.2, RFC 4959 (SASL-IR), RFC 5530 (response codes), RFC 2971
//            (ID)
// SEE ALSO   session.h (the time after), store/service/login_session.h (what POP3's has
//            in common with it)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/session/error_limits.h"
#include "imapd/grammar/assembler.h"
#include "imapd/grammar/requests.h"
#include "imapd/response/reply.h"
#include "store/service/login_session.h"

namespace pennypost::imap {

class LoginSession final : public store::LoginSession {
 public:
  LoginSession(Connection& connection, std::shared_ptr<const Config> config,
               store::LoginClient client, store::AuthPort& auth);

  Task<std::optional<store::LoginSuccess>> serve() override;
  std::string refusal(const store::LoginSuccess& success, bool is_limit) const override;
  std::string_view farewell() const override;
  std::string_view stop_notice() const override;

 private:
  friend struct LoginCommands;
  Task<Reply> authenticate(const CommandHead& command);
  Task<Reply> capability(const CommandHead& command);
  Task<Reply> id(const CommandHead& command);
  Task<Reply> login(const CommandHead& command);
  Task<Reply> logout(const CommandHead& command);
  Task<Reply> noop(const CommandHead& command);
  Task<Reply> starttls(const CommandHead& command);

  Task<CommandAssembler::Event> next_event();
  Task<> dispatch();
  void refuse_command();
  void count_command();
  void answer(const Reply& reply, std::string_view tag);
  /// The reply to a login that failed; on success it means nothing.
  Task<Reply> log_in(store::AuthStep step);
  std::string capabilities() const;

  CommandAssembler assembler_;
  ErrorCount errors_;
  std::int64_t commands_ = 0;
  // Of the command that logged in.
  std::string tag_;
  bool ended_ = false;
};

}  // namespace pennypost::imap
