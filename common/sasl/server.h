// Conducts the server's side of a SASL exchange, until it is clear who the client is.
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
// An authorization identity other than the login itself is refused: no proxy logins, but by
// EXTERNAL for a certificate that is a trusted proxy's. Names are SASLprep'ed (RFC 4013); what
// can't be is a failure. An exchange that has ended answers every further response with Failure.
//
// STANDARDS  RFC 4422 (EXTERNAL in appendix A), RFC 4616 (PLAIN), draft-murchison-sasl-login
// (LOGIN), RFC 5802 and 7677
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

  /// What a mechanism may use.
  struct Environment {
    /// The TLS channel's binding (tls-exporter), only where SCRAM-SHA-256-PLUS was announced: with
    /// it a client that says "I could bind, but you did not offer it" is taken for the victim of a
    /// downgrade.
    std::string channel_binding;
    std::string server_secret;      ///< from which unknown users get a salt that never changes
    std::string nonce;              ///< empty: a random one; a test gives its own
    std::string external_identity;  ///< whom the client's TLS certificate names; empty: nobody
    bool external_is_proxy =
        false;  ///< that identity may act for any account (RFC 4422 section 3.6)
  };

  virtual ~ServerExchange() = default;
  /// Null where the mechanism is not known (or wants channel binding or a certificate without
  /// having it).
  static std::unique_ptr<ServerExchange> make(std::string_view mechanism, Environment environment);
  /// SCRAM-SHA-256-PLUS, SCRAM-SHA-256, EXTERNAL, PLAIN, LOGIN: what make() knows, in the order to
  /// announce them.
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
