// Remembers for a user whom vacation has answered and which messages duplicate has seen.
//
// A file beside the mail has a line for each thing remembered, the latest of a key counts:
//
//   line = EXPIRES SP BEFORE SP BY SP KEY LF
//
// EXPIRES is in seconds since 1970, KEY the beginning of the SHA-256 of the script's key, BY the
// delivery that wrote it (queue id and recipient number), and BEFORE the time until which the key
// was remembered before that: a delivery that is repeated after a crash gets the same answers as
// the first time. Lines are appended and synced; a line that a crash has cut off is skipped. When
// most lines are out of date the file is written anew.
//
// From the first question to remember() the directory is locked, so that of two messages that
// arrive together the second finds what the first one has left. Blocks: use offload.
//
// LIMITS   memory_entries_max; beyond it the tenth that expires first is forgotten
// SEE ALSO ../sieve/actions.h (Remembered), ../mailbox/delivery.h (why a delivery is repeated)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "store/mailbox/location.h"
#include "store/sieve/actions.h"

namespace pennypost::store {

inline constexpr std::size_t memory_entries_max = 10'000;

/// The file of an account.
std::string memory_path(const MailLocation& location);

class SieveMemory {
 public:
  /// `by`: the delivery, without blanks. `now`: in seconds since 1970.
  SieveMemory(std::string path, std::string by, std::int64_t now)
      : path_(std::move(path)), by_(std::move(by)), now_(now) {}

  /// Whether the key was remembered before this delivery. Error: the file can't be read or locked.
  Result<bool> knows(std::string_view key);
  /// Whether an earlier attempt of this very delivery has noted the key.
  Result<bool> has_noted(std::string_view key);
  /// Writes at once, durably, what this delivery has done, for attempts to come.
  Result<void> note(const sieve::Remembered& done);
  /// Writes what this delivery remembers, durably, and lets others at the file.
  Result<void> remember(const std::vector<sieve::Remembered>& all);

 private:
  struct Entry {
    std::int64_t expires = 0;
    std::int64_t before = 0;
    std::string by;
  };
  Result<void> load();
  void take(std::string_view line);
  std::string line(const std::string& key, const Entry& entry) const;
  void forget_first_expired();
  Result<void> append(const std::string& lines);
  Result<void> rewrite();

  std::string path_;
  std::string by_;
  std::int64_t now_;
  Descriptor lock_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::size_t lines_ = 0;  // in the file
  bool ends_in_line_ = true;
};

}  // namespace pennypost::store
