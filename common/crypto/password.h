// Hashes passwords for storage, and verifies them.
//
// Forms, as Dovecot writes them: `{ARGON2ID}$argon2id$…` (what we make),
// `{SCRAM-SHA-256}iterations, salt,stored key,server key` (base64), `{PLAIN}text`, and crypt(3)'s
// `$…` forms behind `{CRYPT}`,
// `{SHA512-CRYPT}`, `{SHA256-CRYPT}`, `{BLF-CRYPT}`, `{MD5-CRYPT}`, so that other programs' files
// can be taken over. Without a scheme a text that begins with `$argon2` is argon2id, any other `$`
// crypt(3).
//
// These block for as long as the hash is meant to cost (argon2id: about 60 ms): call them
// offloaded.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

inline constexpr std::size_t password_bytes_max = 1024;

/// `{ARGON2ID}…` with libsodium's interactive costs. Error: password too long, or no memory.
Result<std::string> hash_password(const Secret& password);

/// Whether the password fits. Error (permanent) where the stored form is not known; an empty or too
/// long password never fits.
Result<bool> verify_password(const Secret& password, std::string_view stored);

/// As long as verifying an argon2id password takes, and never true: for users that do not exist.
bool verify_nothing(const Secret& password);

}  // namespace pennypost
