// A new connection in; who its client is, or its end, out: POP3's AUTHORIZATION state.
//
// STANDARDS  RFC 1939 section 4 and 7 (USER, PASS), RFC 2595 (STLS), RFC 5034 (AUTH), RFC 3206
//            ([AUTH], [SYS/TEMP])
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/net/connection.h"
#include "common/session/login_throttle.h"
#include "common/session/security.h"
#include "common/tls/context.h"
#include "popd/capabilities.h"
#include "store/service/auth.h"

namespace pennypost::pop {

/// What is known of the client before it says anything.
struct LoginClient {
  Service service = Service::Pop3;
  IpAddress address = IpAddress::loopback4();
  IpAddress local = IpAddress::loopback4();
  std::string session_id;
  std::shared_ptr<TlsContext> tls;  // null: no STLS
};

class LoginSession {
 public:
  LoginSession(Connection& connection, std::shared_ptr<const Config> config, LoginClient client,
               store::AuthPort& auth);

  /// From the greeting until the client is known (its token), or gives up (nothing). Disconnected
  /// passes through.
  Task<std::optional<store::AuthAnswer>> serve();

  bool is_encrypted() const { return security_.is_encrypted; }
  const std::string& method() const { return method_; }
  const std::string& attempted_login() const { return attempted_login_; }
  int attempts() const { return attempts_; }

 private:
  friend struct LoginCommands;
  Task<> auth(std::string_view args);
  Task<> capa(std::string_view args);
  Task<> pass(std::string_view args);
  Task<> quit(std::string_view args);
  Task<> stls(std::string_view args);
  Task<> user(std::string_view args);

  Task<> exchange(store::AuthStep step);
  Task<> failed(std::string text);
  Offer offer() const;
  std::vector<std::string> mechanisms() const;
  bool allows_plaintext() const;
  void ok(std::string_view text);
  void err(std::string_view text);

  Connection& connection_;
  std::shared_ptr<const Config> config_;
  const Settings& settings_;
  LoginClient client_;
  store::AuthPort& auth_;
  Security security_;
  LoginThrottle throttle_;
  std::string user_;
  std::string method_;
  std::string attempted_login_;
  int attempts_ = 0;
  int bad_commands_ = 0;
  bool quitting_ = false;
  std::string channel_binding_;
  std::optional<store::AuthAnswer> success_;
};

}  // namespace pennypost::pop
