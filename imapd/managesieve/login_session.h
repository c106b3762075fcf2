// Holds ManageSieve's dialogue before login, until it is known who the client is.
//
// What the client sends behind its AUTHENTICATE stays in the connection for the worker, which also
// answers that command. The message of a mechanism that belongs to its success (SCRAM's proof of
// the server) travels with it, since it stands in that answer: OK (SASL "...").
//
// STANDARDS  RFC 5804 section 1.7 (capabilities), 2.1 (AUTHENTICATE), 2.2 (STARTTLS)
// SEE ALSO   session.h (the time after login), store/login/login_session.h (what other protocols'
//            logins have in common with it)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imapd/managesieve/dialogue.h"
#include "store/login/login_session.h"
#include "store/sieve/extensions.h"

namespace pennypost::imap::managesieve {

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
  Task<> authenticate(const Command& command);
  Task<> capability(const Command& command);
  Task<> logout(const Command& command);
  Task<> noop(const Command& command);
  Task<> starttls(const Command& command);

  Task<> dispatch();
  void put_capabilities();
  Task<> log_in(store::AuthStep step);
  void put_challenge(std::string_view base64) override;
  Task<std::optional<std::string>> read_response(std::size_t bytes_max) override;
  bool tells_success_data() const override { return true; }

  Dialogue dialogue_;
  std::uint64_t redirects_max_;
  store::sieve::Extensions extensions_;
};

}  // namespace pennypost::imap::managesieve
