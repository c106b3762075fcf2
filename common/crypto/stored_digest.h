// Verifies and makes passwords stored as a salted digest or by PBKDF2, in Dovecot's forms.
//
//   {SSHA}base64(SHA-1(password salt) salt)      likewise {SSHA256}, {SSHA512}, {SMD5}
//   {SHA}base64(SHA-1(password))                 likewise {SHA1}, {SHA256}, {SHA512}, {LDAP-MD5}
//   {PLAIN-MD5}hex(MD5(password))
//   {PBKDF2}$1$salt$rounds$hex                   20 bytes of PBKDF2 with HMAC-SHA-1
//
// A scheme may end in .hex, .b64 or .base64: {SSHA256.hex}.
//
// LIMITS     salt_bytes_max, pbkdf2_rounds_max
// STANDARDS  RFC 6234, RFC 8018 section 5.2 (PBKDF2)
// SEE ALSO   password.h (all forms)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

inline constexpr std::size_t salt_bytes_max = 256;
inline constexpr std::uint64_t pbkdf2_rounds_max = 10'000'000;
inline constexpr std::uint64_t pbkdf2_rounds_default = 5000;  // Dovecot's

/// Nothing if this is no scheme of a digest. Error (permanent): the stored form is malformed.
std::optional<Result<bool>> verify_digest(const Secret& password, std::string_view scheme,
                                          std::string_view stored);
/// What stands behind the scheme; with a new salt where there is one. Nothing: no such scheme.
std::optional<std::string> make_digest(const Secret& password, std::string_view scheme);

/// The same for PBKDF2.
Result<bool> verify_pbkdf2(const Secret& password, std::string_view stored);
std::string make_pbkdf2(const Secret& password, std::uint64_t rounds = pbkdf2_rounds_default);

}  // namespace pennypost
