#include "common/crypto/password.h"

#include <crypt.h>
#include <sodium.h>

#include <array>
#include <memory>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/crypto/scram.h"

namespace pennypost {
namespace {

constexpr std::array crypt_schemes{"CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT",
                                   "MD5-CRYPT"};

bool is_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool verify_argon2(const Secret& password, std::string_view stored) {
  std::string text(stored);
  auto plain = password.reveal();
  return crypto_pwhash_str_verify(text.c_str(), plain.data(), plain.size()) == 0;
}

bool verify_crypt(const Secret& password, std::string_view stored) {
  auto data = std::make_unique<crypt_data>();
  std::string plain(password.reveal());
  std::string setting(stored);
  // crypt_r() would ignore everything after a NUL.
  if (plain.find('\0') != plain.npos) return false;
  const char* made = crypt_r(plain.c_str(), setting.c_str(), data.get());
  bool fits = made != nullptr && made[0] != '*' && is_equal(made, stored);
  sodium_memzero(plain.data(), plain.size());
  sodium_memzero(data.get(), sizeof(crypt_data));
  return fits;
}

}  // namespace

Result<std::string> hash_password(const Secret& password) {
  prepare_crypto();
  auto plain = password.reveal();
  if (plain.empty() || plain.size() > password_bytes_max) {
    return Error::permanent("a password has 1 to " + std::to_string(password_bytes_max) +
                            " characters");
  }
  std::array<char, crypto_pwhash_STRBYTES> made{};
  if (crypto_pwhash_str(made.data(), plain.data(), plain.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return Error::temporary("not enough memory to hash a password (64 MB)");
  }
  return "{ARGON2ID}" + std::string(made.data());
}

Result<bool> verify_password(const Secret& password, std::string_view stored) {
  prepare_crypto();
  if (password.empty() || password.reveal().size() > password_bytes_max) return false;
  std::string scheme;
  if (stored.starts_with('{')) {
    auto end = stored.find('}');
    if (end == std::string_view::npos) return Error::permanent("malformed stored password");
    scheme = upper(stored.substr(1, end - 1));
    stored.remove_prefix(end + 1);
  } else {
    scheme = stored.starts_with("$argon2") ? "ARGON2ID" : "CRYPT";
  }
  if (scheme == "ARGON2ID") return verify_argon2(password, stored);
  if (scheme == "PLAIN" || scheme == "CLEARTEXT") return is_equal(password.reveal(), stored);
  if (scheme == "SCRAM-SHA-256") {
    TRY(auto keys, ScramKeys::parse(stored));
    return keys.fits(password);
  }
  for (const char* name : crypt_schemes) {
    if (scheme == name) return verify_crypt(password, stored);
  }
  return Error::permanent("unknown password scheme {" + printable(scheme, 40) +
                          "}; known are ARGON2ID, SCRAM-SHA-256, PLAIN and crypt(3)'s");
}

bool verify_nothing(const Secret& password) {
  // The hash that unknown users are checked against, made once from a random password.
  static const std::string decoy = [] {
    auto made = hash_password(Secret(random_text(20)));
    return made ? made->substr(10) : std::string();
  }();
  bool fits = verify_argon2(password, decoy);
  return fits && false;
}

}  // namespace pennypost
