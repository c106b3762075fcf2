#include "common/crypto/password.h"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/crypto/scram.h"
#include "common/crypto/stored_digest.h"

namespace pennypost {
namespace {

constexpr std::array<std::string_view, 3> plain_schemes{"PLAIN", "CLEAR", "CLEARTEXT"};
constexpr std::array<std::string_view, 7> crypt_schemes{
    "CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "MD5-CRYPT", "MD5", "DES-CRYPT"};

/// What crypt_gensalt(3) needs to make such a form.
struct CryptPrefix {
  std::string_view scheme;
  const char* prefix;
};
constexpr std::array crypt_prefixes{
    CryptPrefix{"CRYPT", "$2b$"},       CryptPrefix{"BLF-CRYPT", "$2y$"},
    CryptPrefix{"SHA512-CRYPT", "$6$"}, CryptPrefix{"SHA256-CRYPT", "$5$"},
    CryptPrefix{"MD5-CRYPT", "$1$"},
};

bool is_one_of(std::span<const std::string_view> names, std::string_view scheme) {
  return std::ranges::find(names, scheme) != names.end();
}

Error unknown_scheme(std::string_view scheme) {
  std::vector<std::string> known;
  for (auto name : password_schemes()) known.emplace_back(name);
  return Error::permanent("unknown password scheme {" + printable(scheme, 40) + "}; known are " +
                          join(known, ", "));
}

/// A stored form: the scheme in capitals, and what follows it.
struct Form {
  std::string scheme;
  std::string_view rest;

  static Result<Form> parse(std::string_view stored) {
    if (!stored.starts_with('{')) {
      return Form{stored.starts_with("$argon2") ? "ARGON2ID" : "CRYPT", stored};
    }
    auto end = stored.find('}');
    if (end == std::string_view::npos) return Error::permanent("malformed stored password");
    return Form{upper(stored.substr(1, end - 1)), stored.substr(end + 1)};
  }
};

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

Result<void> check_length(const Secret& password) {
  if (!password.empty() && password.reveal().size() <= password_bytes_max) return {};
  return Error::permanent("a password has 1 to " + std::to_string(password_bytes_max) +
                          " characters");
}

Error no_memory() { return Error::temporary("not enough memory to hash a password (64 MB)"); }

Result<std::string> make_argon2i(const Secret& password) {
  std::array<char, crypto_pwhash_STRBYTES> made{};
  auto plain = password.reveal();
  if (crypto_pwhash_str_alg(
          made.data(), plain.data(), plain.size(), crypto_pwhash_argon2i_OPSLIMIT_INTERACTIVE,
          crypto_pwhash_argon2i_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2I13) != 0) {
    return no_memory();
  }
  return std::string(made.data());
}

Result<std::string> make_crypt(const Secret& password, const char* prefix) {
  std::string plain(password.reveal());
  if (plain.find('\0') != plain.npos) {
    return Error::permanent("crypt(3) can't hash a password with a NUL");
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  auto seed = random_bytes(16);
  auto data = std::make_unique<crypt_data>();
  const char* made = nullptr;
  if (crypt_gensalt_rn(prefix, 0, seed.data(), static_cast<int>(seed.size()), setting.data(),
                       static_cast<int>(setting.size())) != nullptr) {
    made = crypt_r(plain.c_str(), setting.data(), data.get());
  }
  std::string out = made != nullptr && made[0] != '*' ? made : "";
  sodium_memzero(plain.data(), plain.size());
  sodium_memzero(data.get(), sizeof(crypt_data));
  if (out.empty()) return Error::permanent("crypt(3) does not make " + std::string(prefix));
  return out;
}

}  // namespace

Result<std::string> hash_password(const Secret& password) {
  prepare_crypto();
  TRY_DO(check_length(password));
  auto plain = password.reveal();
  std::array<char, crypto_pwhash_STRBYTES> made{};
  if (crypto_pwhash_str(made.data(), plain.data(), plain.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return no_memory();
  }
  return "{ARGON2ID}" + std::string(made.data());
}

Result<bool> verify_password(const Secret& password, std::string_view stored) {
  prepare_crypto();
  if (password.empty() || password.reveal().size() > password_bytes_max) return false;
  TRY(auto form, Form::parse(stored));
  if (form.scheme == "ARGON2ID" || form.scheme == "ARGON2I") {
    return verify_argon2(password, form.rest);
  }
  if (is_one_of(plain_schemes, form.scheme)) return is_equal(password.reveal(), form.rest);
  if (form.scheme == "SCRAM-SHA-256") {
    TRY(auto keys, ScramKeys::parse(form.rest));
    return keys.fits(password);
  }
  if (form.scheme == "PBKDF2") return verify_pbkdf2(password, form.rest);
  if (is_one_of(crypt_schemes, form.scheme)) return verify_crypt(password, form.rest);
  if (auto fits = verify_digest(password, form.scheme, form.rest)) return *fits;
  return unknown_scheme(form.scheme);
}

Result<std::string> hash_password_as(const Secret& password, std::string_view wanted) {
  prepare_crypto();
  std::string scheme = upper(wanted);
  if (scheme == "ARGON2ID") return hash_password(password);
  TRY_DO(check_length(password));
  const std::string shown = "{" + scheme + "}";
  if (scheme == "SCRAM-SHA-256") return shown + ScramKeys::derive(password).text();
  if (scheme == "PBKDF2") return shown + make_pbkdf2(password);
  if (scheme == "PLAIN" || scheme == "CLEARTEXT") {
    // It stands at the end of a line.
    auto plain = password.reveal();
    if (std::ranges::any_of(plain, is_control) || trim(plain) != plain) {
      return Error::permanent("a {PLAIN} password has no control characters, nor blanks at an end");
    }
    return shown + std::string(plain);
  }
  if (scheme == "ARGON2I") {
    TRY(auto made, make_argon2i(password));
    return shown + made;
  }
  auto prefix = std::ranges::find(crypt_prefixes, scheme, &CryptPrefix::scheme);
  if (prefix != crypt_prefixes.end()) {
    TRY(auto made, make_crypt(password, prefix->prefix));
    return shown + made;
  }
  if (auto made = make_digest(password, scheme)) return shown + *made;
  return unknown_scheme(scheme);
}

const std::vector<std::string_view>& password_schemes() {
  static const std::vector<std::string_view> names{
      "ARGON2ID",     "ARGON2I",   "SCRAM-SHA-256", "BLF-CRYPT", "SHA512-CRYPT",
      "SHA256-CRYPT", "MD5-CRYPT", "CRYPT",         "PBKDF2",    "SSHA512",
      "SSHA256",      "SSHA",      "SHA512",        "SHA256",    "SHA",
      "SMD5",         "LDAP-MD5",  "PLAIN-MD5",     "PLAIN"};
  return names;
}

bool is_argon2id(std::string_view stored) {
  auto form = Form::parse(stored);
  return form && form->scheme == "ARGON2ID" && form->rest.starts_with("$argon2id$");
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
