// Holds POP3's dialogue before login: the AUTHORIZATION state, until it is known who the client is.
//
// What the client sends behind its login stays in the connection for the worker.
//
// STANDARDS  RFC 1939 sections 4 and 7 (USER, PASS), RFC 2595 (STLS), RFC 5034 (AUTH), RFC 3206
//            ([AUTH], [SYS/TEMP]), RFC 6856 (UTF8, LANG)
// SEE ALSO   session.h (the time after login), store/login/login_session.h (what IMAP's login
//            has in common with it)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "popd/capabilities.h"
#include "popd/replies.h"
#include "store/login/login_session.h"

namespace pennypost::pop {

/// ClientInfo::state of a client that has said UTF8.
inline constexpr std::string_view utf8_state = "UTF8";

class LoginSession final : public store::LoginSession {
 public:
  LoginSession(Connection& connection, std::shared_ptr<const Config> config,
               store::LoginClient client, store::AuthPort& auth);

  Task<std::optional<store::LoginSuccess>> serve() override;
  std::string refusal(const store::LoginSuccess& success, bool is_limit) const override;
  std::string_view stop_notice() const override;

 private:
  friend struct LoginCommands;
  Task<> auth(std::string_view args);
  Task<> capa(std::string_view args);
  Task<> lang(std::string_view args);
  Task<> pass(std::string_view args);
  Task<> quit(std::string_view args);
  Task<> stls(std::string_view args);
  Task<> user(std::string_view args);
  Task<> utf8(std::string_view args);

  Task<> log_in(store::AuthStep step);

  Replies replies_;
  // What USER has named, for the PASS that follows.
  std::string user_;
  bool has_utf8_ = false;
  bool quitting_ = false;
};

}  // namespace pennypost::pop
