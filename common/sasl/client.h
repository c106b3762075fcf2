// Conducts the client's side of a SASL exchange.
//
//   auto exchange = ClientExchange::make("SCRAM-SHA-256", login, password, {});
//   initial = exchange->initial();              // nothing if the server sends the first challenge
//   response = exchange->respond(challenge);    // Error: the challenge is wrong, give up
//   outcome = exchange->verify(final_message);  // after success: SCRAM's proof of the server
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
  /// Null if the mechanism is unknown. An empty `nonce` means a random one.
  static std::unique_ptr<ClientExchange> make(std::string_view mechanism, std::string login,
                                              Secret password, std::string nonce);
  /// The offered mechanisms that we know and that are in `allowed` (empty: all), in our order of
  /// preference: SCRAM-SHA-256, PLAIN, LOGIN.
  static std::vector<std::string> choices(const std::vector<std::string>& offered,
                                          const std::vector<std::string>& allowed);

  virtual std::optional<std::string> initial() = 0;
  virtual Result<std::string> respond(std::string_view challenge) = 0;
  virtual Result<void> verify(std::string_view) { return {}; }
};

}  // namespace pennypost
