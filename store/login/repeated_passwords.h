// Distinguishes a wrong password that is merely repeated from a new guess.
//
// A device with an old password sends it again and again. That is no guessing, and must not block
// other devices behind the same address. Only a short tag of each wrong password is kept, made with
// a secret that exists only in this process, so the password can't be recovered from it.
//
// LIMITS  pairs_max; the last tags_max of each pair
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "common/base/secret.h"
#include "common/crypto/random.h"
#include "common/session/login_throttle.h"

namespace pennypost::store {

class RepeatedPasswords {
 public:
  static constexpr std::size_t pairs_max = 30'000;
  static constexpr std::size_t tags_max = 8;

  /// Notes a wrong password; true if it is one of the last from this client for this login.
  bool note(const IpAddress& client, const std::string& login, const Secret& password) {
    std::string message = login + '\0';
    message += password.reveal();
    auto digest = hmac_sha256(secret_, message);
    Secret wiped(std::move(message));
    std::uint32_t tag = 0;
    for (char byte : digest.substr(0, 4)) tag = tag << 8 | static_cast<unsigned char>(byte);
    Tags& tags = pairs_.touch({client.client_block(), login});
    auto end = tags.last.begin() + static_cast<std::ptrdiff_t>(std::min(tags.noted, tags_max));
    if (std::find(tags.last.begin(), end, tag) != end) return true;
    tags.last.at(tags.noted++ % tags_max) = tag;
    return false;
  }

 private:
  struct Tags {
    std::array<std::uint32_t, tags_max> last{};
    std::size_t noted = 0;
  };
  std::string secret_ = random_bytes(32);
  AgingMap<std::pair<IpAddress, std::string>, Tags> pairs_{pairs_max};
};

}  // namespace pennypost::store
