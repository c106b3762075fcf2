#include "common/crypto/scram.h"

#include "common/base/text.h"
#include "common/crypto/random.h"

namespace pennypost {

std::string scram_salted_password(const Secret& password, std::string_view salt,
                                  std::uint32_t iterations) {
  std::string block(salt);
  block += std::string("\0\0\0\1", 4);
  std::string last = hmac_sha256(password.reveal(), block);
  std::string sum = last;
  for (std::uint32_t i = 1; i < iterations; ++i) {
    last = hmac_sha256(password.reveal(), last);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = static_cast<char>(sum[k] ^ last[k]);
  }
  return sum;
}

ScramKeys ScramKeys::derive(const Secret& password) {
  return derive(password, random_bytes(16), iterations_default);
}

ScramKeys ScramKeys::derive(const Secret& password, std::string salt, std::uint32_t iterations) {
  ScramKeys keys;
  keys.salt = std::move(salt);
  keys.iterations = iterations;
  std::string salted = scram_salted_password(password, keys.salt, iterations);
  keys.stored_key = sha256(hmac_sha256(salted, "Client Key"));
  keys.server_key = hmac_sha256(salted, "Server Key");
  return keys;
}

Result<ScramKeys> ScramKeys::parse(std::string_view text) {
  auto parts = split(text, ',');
  Error malformed = Error::permanent("malformed SCRAM-SHA-256 keys");
  if (parts.size() != 4) return malformed;
  auto iterations = parse_number(parts[0]);
  auto salt = base64_decode(parts[1]);
  auto stored_key = base64_decode(parts[2]);
  auto server_key = base64_decode(parts[3]);
  if (!iterations || *iterations == 0 || *iterations > iterations_max || !salt || salt->empty() ||
      !stored_key || stored_key->size() != 32 || !server_key || server_key->size() != 32) {
    return malformed;
  }
  ScramKeys keys;
  keys.iterations = static_cast<std::uint32_t>(*iterations);
  keys.salt = *std::move(salt);
  keys.stored_key = *std::move(stored_key);
  keys.server_key = *std::move(server_key);
  return keys;
}

std::string ScramKeys::text() const {
  return std::to_string(iterations) + "," + base64_encode(salt) + "," + base64_encode(stored_key) +
         "," + base64_encode(server_key);
}

bool ScramKeys::fits(const Secret& password) const {
  return equal_in_constant_time(derive(password, salt, iterations).stored_key, stored_key);
}

}  // namespace pennypost
