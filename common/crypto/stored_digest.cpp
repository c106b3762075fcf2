#include "common/crypto/stored_digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/crypto/random.h"

namespace pennypost {
namespace {

enum class Encoding { Hex, Base64 };

struct Scheme {
  std::string_view name;
  const EVP_MD* (*digest)();
  bool is_salted;
  Encoding encoding;
};
constexpr std::array schemes{
    Scheme{"SSHA", &EVP_sha1, true, Encoding::Base64},
    Scheme{"SSHA256", &EVP_sha256, true, Encoding::Base64},
    Scheme{"SSHA512", &EVP_sha512, true, Encoding::Base64},
    Scheme{"SMD5", &EVP_md5, true, Encoding::Base64},
    Scheme{"SHA", &EVP_sha1, false, Encoding::Base64},
    Scheme{"SHA1", &EVP_sha1, false, Encoding::Base64},
    Scheme{"SHA256", &EVP_sha256, false, Encoding::Base64},
    Scheme{"SHA512", &EVP_sha512, false, Encoding::Base64},
    Scheme{"LDAP-MD5", &EVP_md5, false, Encoding::Base64},
    Scheme{"PLAIN-MD5", &EVP_md5, false, Encoding::Hex},
};

constexpr std::size_t salt_bytes = 8;
constexpr std::size_t pbkdf2_bytes = 20;
constexpr std::size_t pbkdf2_salt_characters = 16;
constexpr std::string_view pbkdf2_version = "1";

std::string digest_of(const EVP_MD* kind, std::string_view password, std::string_view salt) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ASSERT(context != nullptr && EVP_DigestInit_ex(context, kind, nullptr) == 1);
  ASSERT(EVP_DigestUpdate(context, password.data(), password.size()) == 1);
  ASSERT(EVP_DigestUpdate(context, salt.data(), salt.size()) == 1);
  ASSERT(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
  EVP_MD_CTX_free(context);
  out.resize(size);
  return out;
}

std::string pbkdf2(std::string_view password, std::string_view salt, std::uint64_t rounds) {
  std::string out(pbkdf2_bytes, '\0');
  int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        reinterpret_cast<const unsigned char*>(salt.data()),
                        static_cast<int>(salt.size()), static_cast<int>(rounds), EVP_sha1(),
                        static_cast<int>(out.size()), reinterpret_cast<unsigned char*>(out.data()));
  ASSERT(done == 1);
  return out;
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return {};
  auto value = [](char c) {
    return static_cast<int>(std::string_view("0123456789abcdef").find(to_lower(c)));
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int high = value(text[i]);
    int low = value(text[i + 1]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

std::optional<std::string> decode(std::string_view text, Encoding encoding) {
  if (encoding == Encoding::Hex) return hex_decode(text);
  auto decoded = base64_decode(text);
  return decoded ? std::optional<std::string>(*decoded) : std::nullopt;
}

struct Named {
  const Scheme* scheme = nullptr;
  Encoding encoding = Encoding::Base64;
};

/// The scheme without the ending that says how the digest is written.
std::optional<Named> find(std::string_view name) {
  auto dot = name.find('.');
  auto found = std::ranges::find_if(schemes, [&](const Scheme& scheme) {
    return equal_nocase(scheme.name, name.substr(0, dot));
  });
  if (found == schemes.end()) return {};
  Named named{&*found, found->encoding};
  if (dot == std::string_view::npos) return named;
  auto ending = name.substr(dot + 1);
  const bool is_hex = equal_nocase(ending, "hex");
  if (!is_hex && !equal_nocase(ending, "b64") && !equal_nocase(ending, "base64")) return {};
  named.encoding = is_hex ? Encoding::Hex : Encoding::Base64;
  return named;
}

}  // namespace

std::optional<Result<bool>> verify_digest(const Secret& password, std::string_view scheme,
                                          std::string_view stored) {
  auto named = find(scheme);
  if (!named) return {};
  const EVP_MD* kind = named->scheme->digest();
  const auto size = static_cast<std::size_t>(EVP_MD_get_size(kind));
  auto bytes = decode(stored, named->encoding);
  const bool is_whole =
      bytes && (named->scheme->is_salted ? bytes->size() > size : bytes->size() == size);
  if (!is_whole || bytes->size() > size + salt_bytes_max) {
    return Result<bool>(Error::permanent(
        "malformed {" + std::string(named->scheme->name) + "}: expected a digest of " +
        std::to_string(size) + " bytes" + (named->scheme->is_salted ? " and a salt" : "")));
  }
  auto salt = bytes->substr(size);
  bool fits = equal_in_constant_time(digest_of(kind, password.reveal(), salt),
                                     std::string_view(*bytes).substr(0, size));
  return Result<bool>(fits);
}

std::optional<std::string> make_digest(const Secret& password, std::string_view scheme) {
  auto named = find(scheme);
  if (!named) return {};
  std::string salt = named->scheme->is_salted ? random_bytes(salt_bytes) : "";
  auto made = digest_of(named->scheme->digest(), password.reveal(), salt) + salt;
  return named->encoding == Encoding::Hex ? hex_encode(made) : base64_encode(made);
}

Result<bool> verify_pbkdf2(const Secret& password, std::string_view stored) {
  auto parts = split(stored, '$');
  Error malformed = Error::permanent("malformed {PBKDF2}: expected $1$SALT$ROUNDS$DIGEST");
  if (parts.size() != 5 || !parts[0].empty() || parts[1] != pbkdf2_version) return malformed;
  auto rounds = parse_number(parts[3]);
  auto digest = hex_decode(parts[4]);
  if (parts[2].size() > salt_bytes_max || !rounds || *rounds == 0 || *rounds > pbkdf2_rounds_max ||
      !digest || digest->size() != pbkdf2_bytes) {
    return malformed;
  }
  return equal_in_constant_time(pbkdf2(password.reveal(), parts[2], *rounds), *digest);
}

std::string make_pbkdf2(const Secret& password, std::uint64_t rounds) {
  auto salt = random_text(pbkdf2_salt_characters);
  return "$" + std::string(pbkdf2_version) + "$" + salt + "$" + std::to_string(rounds) + "$" +
         hex_encode(pbkdf2(password.reveal(), salt, rounds));
}

}  // namespace pennypost
