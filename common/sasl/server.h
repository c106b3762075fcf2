// Conducts the server's side of a SASL exchange, until it is clear who the client is.
//
// It does no I/O: the caller makes the look-ups that a step asks for, and continues. Exchanges know
// nothing of base64, lines or processes.
//
//   auto exchange = ServerExchange::make("PLAIN", environment);
//   step = exchange->start(initial)            gives Challenge, NeedPassword, NeedKeys, Success or
//                                              Failure
//   step = exchange->respond(bytes)            after Challenge
//   step = exchange->password_checked(fits)    after NeedPassword
//   step = exchange->keys_found(keys)          after NeedKeys
//
// An authorization identity other than the login itself is refused: there are no proxy logins,
// except with EXTERNAL for the certificate of a trusted proxy. Names are prepared with SASLprep
// (RFC 4013); if that fails, so does the exchange. An exchange that has ended answers every further
// response with Failure.
//
// STANDARDS  RFC 4422 (EXTERNAL in appendix A), RFC 4616 (PLAIN), draft-murchison-sasl-login
//            (LOGIN), RFC 5802 and 7677 (SCRAM-SHA-256), RFC 9266 (tls-exporter)
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
  bool is_external = false;  // Success: by a certificate, without password or keys
  Secret password;           // NeedPassword
};

class ServerExchange {
 public:
  static constexpr std::size_t response_bytes_max = 12'288;

  /// The data that mechanisms may use.
  struct Environment {
    /// The TLS channel binding (tls-exporter), only if SCRAM-SHA-256-PLUS was announced. With it, a
    /// client that says "I could bind, but you did not offer it" is taken as the victim of a
    /// downgrade attack.
    std::string channel_binding;
    std::string server_secret;      ///< gives unknown users a constant salt
    std::string nonce;              ///< empty: a random one; tests set it
    std::string external_identity;  ///< the name in the client's TLS certificate; empty: none
    bool external_is_proxy =
        false;  ///< that identity may act for any account (RFC 4422 section 3.6)
  };

  virtual ~ServerExchange() = default;
  /// Null if the mechanism is unknown (or needs channel binding or a certificate that is not
  /// there).
  static std::unique_ptr<ServerExchange> make(std::string_view mechanism, Environment environment);
  /// All mechanisms of make(), in the order to announce them: SCRAM-SHA-256-PLUS, SCRAM-SHA-256,
  /// EXTERNAL, PLAIN, LOGIN.
  static const std::vector<std::string>& mechanisms();
  /// True for mechanisms that transmit the password itself.
  static bool is_plaintext(std::string_view mechanism);

  /// With or without an initial response (RFC 4422 section 4.3 b).
  virtual SaslStep start(const std::optional<std::string>& initial) = 0;
  virtual SaslStep respond(std::string_view response) = 0;
  virtual SaslStep password_checked(bool fits);
  /// Nothing means that there is no such user; the exchange then goes on and fails at its end.
  virtual SaslStep keys_found(const std::optional<ScramKeys>& keys);
};

}  // namespace pennypost
