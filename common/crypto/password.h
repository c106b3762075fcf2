// Hashes passwords for storage, and verifies them.
//
// The stored forms are Dovecot's, so that other programs' files can be used:
//   {ARGON2ID}$argon2id$…                                         what we make
//   {SCRAM-SHA-256}iterations,salt,stored key,server key          the last three in base64
//   {PLAIN}text
//   {CRYPT}$…                                                     crypt(3); also {SHA512-CRYPT},
//                                    {SHA256-CRYPT}, {BLF-CRYPT}, {MD5-CRYPT}
//
// Without a scheme, text that begins with `$argon2` is argon2id, with any other `$` crypt(3)'s.
//
// These functions block for the time of the hash (argon2id: about 60 ms): use offload.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

inline constexpr std::size_t password_bytes_max = 1024;

/// `{ARGON2ID}…` with libsodium's interactive costs. Error: the password is too long, or no memory.
Result<std::string> hash_password(const Secret& password);

/// Whether the password is right. Error (permanent) if the stored form is unknown. An empty or too
/// long password is never right.
Result<bool> verify_password(const Secret& password, std::string_view stored);

/// Takes as long as verifying an argon2id password, and returns false: for users that do not exist.
bool verify_nothing(const Secret& password);

}  // namespace pennypost
