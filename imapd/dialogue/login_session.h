// Holds one client's dialogue before login, until it is known who the client is.
//
// What the client sends behind its login stays in the connection for the worker, which also answers
// the command that logged in: its tag is the state that travels.
//
// STANDARDS  RFC 9051 sections 6.1 and 6.2
// SEE ALSO   ../command/table.h (every command), ../session/login_context.h (what they work on),
//            session.h (the time after)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imapd/session/login_context.h"

namespace pennypost::imap {

class LoginSession final : public LoginContext {
 public:
  using LoginContext::LoginContext;

  Task<std::optional<store::LoginSuccess>> serve() override;
  std::string refusal(const store::LoginSuccess& success, bool is_limit) const override;
  std::string_view farewell() const override;
  std::string_view stop_notice() const override;

 private:
  Task<> dispatch();
  void refuse_command();
  void count_command();

  std::uint64_t commands_ = 0;
  // Of the command that logged in.
  std::string tag_;
};

}  // namespace pennypost::imap
