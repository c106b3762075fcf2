// Derives the keys stored for SCRAM-SHA-256, which verify a client and prove the server without
// revealing the password.
//
// Text form: `iterations,salt,stored key,server key`, the last three in base64, as in Dovecot's
// {SCRAM-SHA-256}.
//
// STANDARDS  RFC 5802 section 3, RFC 7677
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

struct ScramKeys {
  static constexpr std::uint32_t iterations_default = 4096;  // RFC 7677 section 4
  static constexpr std::uint32_t iterations_max =
      1'000'000;  // more is refused, in files and by peers

  std::string salt;
  std::uint32_t iterations = iterations_default;
  std::string stored_key;
  std::string server_key;

  /// Uses a new random salt.
  static ScramKeys derive(const Secret& password);
  static ScramKeys derive(const Secret& password, std::string salt, std::uint32_t iterations);
  static Result<ScramKeys> parse(std::string_view text);
  std::string text() const;
  bool fits(const Secret& password) const;
};

/// RFC 5802 section 2.2: Hi(), which is PBKDF2-HMAC-SHA-256 of one block.
std::string scram_salted_password(const Secret& password, std::string_view salt,
                                  std::uint32_t iterations);

}  // namespace pennypost
