// A new connection in; who its client is, or its end, out: IMAP's not authenticated state.
//
// What the client sends behind its login stays in the connection for the worker, which also answers
// the command that logged in.
//
// STANDARDS  RFC 9051 sections 6.1 and 6.2, RFC 4959 (SASL-IR), RFC 5530 (response codes), RFC 2971
// (ID) SEE ALSO   ../session/session.h (the time after), store/service/auth.h (who checks)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/session/error_limits.h"
#include "common/session/login_throttle.h"
#include "common/session/security.h"
#include "common/tls/context.h"
#include "imapd/grammar/assembler.h"
#include "imapd/grammar/requests.h"
#include "imapd/session/reply.h"
#include "store/service/auth.h"

namespace pennypost::imap {

/// What is known of the client before it says anything.
struct LoginClient {
  Service service = Service::Imap;
  IpAddress address = IpAddress::loopback4();
  IpAddress local = IpAddress::loopback4();
  std::string session_id;
  std::shared_ptr<TlsContext> tls;  // null: no STARTTLS
};

/// Who has proven who it is.
struct LoginSuccess {
  store::AuthAnswer answer;
  /// Of the command that is to be answered.
  std::string tag;
};

class LoginSession {
 public:
  LoginSession(Connection& connection, std::shared_ptr<const Config> config, LoginClient client,
               store::AuthPort& auth);

  /// From the greeting until the client is known, or gives up (nothing). Disconnected passes
  /// through.
  Task<std::optional<LoginSuccess>> serve();

  bool is_encrypted() const { return security_.is_encrypted; }
  const std::string& method() const { return method_; }
  const std::string& attempted_login() const { return attempted_login_; }
  int attempts() const { return attempts_; }

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
  void answer(const Reply& reply, std::string_view tag);
  /// The reply to a login that failed; on success success_ is set and the reply means nothing.
  Task<Reply> exchange(store::AuthStep step);
  Task<Reply> failed(std::string text);
  std::string capabilities() const;
  std::vector<std::string> mechanisms() const;
  bool allows_plaintext() const;

  Connection& connection_;
  std::shared_ptr<const Config> config_;
  const Settings& settings_;
  LoginClient client_;
  store::AuthPort& auth_;
  CommandAssembler assembler_;
  Security security_;
  LoginThrottle throttle_;
  ErrorCount errors_;
  std::string channel_binding_;
  std::string method_;
  std::string attempted_login_;
  int attempts_ = 0;
  bool ended_ = false;
  std::optional<LoginSuccess> success_;
};

}  // namespace pennypost::imap
