// Keeps the keys that sign mail in files, a directory for each domain.
//
//   example.org/20261129r.pem       a key that signs, or is about to: PKCS #8, mode 0600
//   example.org/20261129r.retired   one that signs no more
//
// A file's name is the key's selector in DNS. Of each kind (RSA, Ed25519) the oldest key that is
// not retired signs: a new one waits, until the record of it is published and the old one retires.
// A key from elsewhere is used if its file is put there. Files that others can read are refused.
// Blocks.
//
// LIMITS     keys_of_domain_max, key_file_bytes_max
// SEE ALSO   signing_keys.h (who signs), ../commands/dkim.h (who makes the files)
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/crypto/signature.h"

namespace pennypost::smtp {

inline constexpr std::size_t keys_of_domain_max = 32;
inline constexpr std::uint64_t key_file_bytes_max = 16 * 1024;

struct KeptKey {
  std::string selector;
  SigningKey key;
  std::int64_t since = 0;  // nanoseconds since 1970: when it was made, or retired
  bool is_retired = false;
};

struct KeptKeys {
  std::vector<KeptKey> keys;          // oldest first
  std::vector<std::string> problems;  // files that can't be used, in words
  /// Those that sign: one of each kind.
  std::vector<const KeptKey*> signing() const;
};

class KeyDirectory {
 public:
  explicit KeyDirectory(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// Who reads the keys, as root makes them for another account.
  struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
  };

  /// The domains that have a directory, sorted; none if there are no keys at all.
  Result<std::vector<std::string>> domains() const;
  /// When a domain's directory changed last, in nanoseconds since 1970; nothing if it has none.
  std::optional<std::int64_t> changed(std::string_view domain) const;
  /// The domain's keys; none if it has no directory.
  Result<KeptKeys> read(const std::string& domain) const;
  /// Error 550: there is a key of that selector.
  Result<void> add(const std::string& domain, const std::string& selector, const SigningKey& key,
                   const std::optional<Owner>& owner) const;
  /// Error 550: no key of that selector signs.
  Result<void> retire(const std::string& domain, const std::string& selector) const;

  std::filesystem::path path_of(std::string_view domain) const { return directory_ / domain; }

 private:
  std::filesystem::path directory_;
};

/// Whether a text can be a selector: labels of letters, digits and hyphens (RFC 6376 section 3.1).
bool is_selector(std::string_view text);

}  // namespace pennypost::smtp
