// Conducts the client's side of a SASL exchange.
//
//   auto exchange = ClientExchange::make("SCRAM-SHA-256", login, password, {});
//   initial = exchange->initial();            // nothing where the mechanism begins with a
//   challenge response = exchange->respond(challenge);  // Error: the server's words are wrong;
//   give up exchange->verify(last words)              // at success: SCRAM's proof that the server
//   knows us too
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

class ClientExchange {
 public:
  virtual ~ClientExchange() = default;
  /// Null where the mechanism is not known. `nonce` empty: a random one.
  static std::unique_ptr<ClientExchange> make(std::string_view mechanism, std::string login,
                                              Secret password, std::string nonce);
  /// Those the server offers that are also in `allowed` (empty: all), the best first: SCRAM-SHA-256
  /// before PLAIN before LOGIN.
  static std::vector<std::string> choices(const std::vector<std::string>& offered,
                                          const std::vector<std::string>& allowed);

  virtual std::optional<std::string> initial() = 0;
  virtual Result<std::string> respond(std::string_view challenge) = 0;
  virtual Result<void> verify(std::string_view) { return {}; }
};

}  // namespace pennypost
