// A client's responses in, challenges and at last who it is out: the server's side of SASL.
//
// Pure: what needs a look-up is asked of the caller, who answers and goes on. Exchanges know
// nothing of base64, lines or processes.
//
//   ServerExchange exchange("PLAIN", {}, {});
//   step = exchange.start(initial)           Challenge | NeedPassword | NeedKeys | Success |
//   Failure step = exchange.respond(bytes)           after a Challenge step =
//   exchange.password_checked(fits)   after NeedPassword step = exchange.keys_found(keys) after
//   NeedKeys
//
// An authorization identity other than the login itself is refused: no proxy logins.
//
// STANDARDS  RFC 4422, RFC 4616 (PLAIN), draft-murchison-sasl-login (LOGIN), RFC 5802 and 7677
//            (SCRAM-SHA-256), RFC 9266 (tls-exporter)
// LIMITS     response_bytes_max
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/crypto/scram.h"

namespace pennypost {

struct SaslStep {
  enum class Kind { Challenge, NeedPassword, NeedKeys, Success, Failure };
  Kind kind = Kind::Failure;
  std::string text;   // Challenge: the bytes; Success: last words (SCRAM's v=), may be empty;
                      // Failure: the reason, for the log
  std::string login;  // NeedPassword, NeedKeys, Success
  Secret password;    // NeedPassword
};

class ServerExchange {
 public:
  static constexpr std::size_t response_bytes_max = 12'288;

  /// What a mechanism may use: the TLS channel's binding, empty without TLS 1.3; a secret of the
  /// server, from which unknown users get a salt that never changes; a nonce (a test gives its
  /// own).
  struct Environment {
    std::string channel_binding;
    std::string server_secret;
    std::string nonce;
  };

  virtual ~ServerExchange() = default;
  /// Null where the mechanism is not known (or wants channel binding without having it).
  static std::unique_ptr<ServerExchange> make(std::string_view mechanism, Environment environment);
  /// PLAIN, LOGIN, SCRAM-SHA-256: what make() knows, in the order to announce them.
  static const std::vector<std::string>& mechanisms();
  /// True for those in which the password itself crosses the line.
  static bool is_plaintext(std::string_view mechanism);

  /// With or without an initial response (RFC 4422 section 4.3 b).
  virtual SaslStep start(const std::optional<std::string>& initial) = 0;
  virtual SaslStep respond(std::string_view response) = 0;
  virtual SaslStep password_checked(bool fits);
  /// Nothing: no such user; the exchange goes on and fails at its end.
  virtual SaslStep keys_found(const std::optional<ScramKeys>& keys);
};

}  // namespace pennypost
