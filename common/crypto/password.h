// Hashes passwords for storage, and verifies them.
//
// The stored forms are Dovecot's, so that other programs' files can be used:
//   {ARGON2ID}$argon2id$…                                  what we make; also {ARGON2I}
//   {SCRAM-SHA-256}iterations,salt,stored key,server key   the last three in base64
//   {PLAIN}text                                            also {CLEAR}, {CLEARTEXT}
//   {CRYPT}$…                                              crypt(3); also {SHA512-CRYPT},
//                                {SHA256-CRYPT}, {BLF-CRYPT}, {MD5-CRYPT}, {MD5}, {DES-CRYPT}
//   {SSHA}…, {PBKDF2}… and others                          stored_digest.h
//
// Without a scheme, text that begins with `$argon2` is argon2id, with any other `$` crypt(3)'s.
//
// These functions block for the time of the hash (argon2id: about 60 ms): use offload.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

inline constexpr std::size_t password_bytes_max = 1024;

/// `{ARGON2ID}…` with libsodium's interactive costs. Error: the password is too long, or no memory.
Result<std::string> hash_password(const Secret& password);

/// The password in another system's form, `{SCHEME}…`. Error: no such scheme; the password is
/// empty, too long, or has a character that the scheme can't hold.
Result<std::string> hash_password_as(const Secret& password, std::string_view scheme);
/// The schemes that are made, ARGON2ID first.
const std::vector<std::string_view>& password_schemes();

/// Whether a stored form is argon2id, than which we make no better.
bool is_argon2id(std::string_view stored);

/// Whether the password is right. Error (permanent) if the stored form is unknown. An empty or too
/// long password is never right.
Result<bool> verify_password(const Secret& password, std::string_view stored);

/// Takes as long as verifying an argon2id password, and returns false: for users that do not exist.
bool verify_nothing(const Secret& password);

}  // namespace pennypost
