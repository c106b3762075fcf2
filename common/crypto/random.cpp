#include "common/crypto/random.h"

#include <sodium.h>

#include "common/base/assert.h"

namespace pennypost {
namespace {

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void prepare_crypto() { ASSERT(sodium_init() >= 0); }

std::string random_bytes(std::size_t count) {
  prepare_crypto();
  std::string out(count, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

std::string random_text(std::size_t count) {
  constexpr std::string_view alphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  prepare_crypto();
  // Octets from the last multiple of the alphabet's size on would make its first letters more
  // likely.
  constexpr std::size_t octets_used = 256 / alphabet.size() * alphabet.size();
  std::string out;
  out.reserve(count);
  while (out.size() < count) {
    for (char c : random_bytes(count)) {
      auto octet = static_cast<unsigned char>(c);
      if (octet < octets_used && out.size() < count) out += alphabet[octet % alphabet.size()];
    }
  }
  return out;
}

std::string sha256(std::string_view bytes) {
  std::string out(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(bytes_of(out), bytes_of(bytes), bytes.size());
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string out(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes_of(bytes), bytes.size());
  crypto_auth_hmacsha256_final(&state, bytes_of(out));
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace pennypost
