// Dotlocks: the lock on a file is `PATH.lock`, held as long as the object lives.
//
// The lock file holds "pid:host". It is stale, and removed, by Dovecot's rule: its process was one
// of this host and is no more; or, where no such process can be read from it, neither it nor the
// file it protects has changed for `stale_seconds`. A lock whose process lives is never broken.
// Threads of one process exclude each other as well.
//
// SEE ALSO   https://doc.dovecot.org (dotlock_use_excl), Postfix's stale_lock_time
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "store/mailbox/file_place.h"

namespace pennypost::store {

struct DotlockRule {
  int attempts = 20;        ///< at least 1
  int delay_ms = 1000;      ///< the longest pause between two; it starts short
  int stale_seconds = 120;  ///< of a lock without a process of this host
  int brief_ms = 0;         ///< wait no longer than so, as LockTries has it; 0: no such bound
};

class Dotlock {
 public:
  /// 451 InUse when the lock is still held after all attempts.
  static Result<Dotlock> take(const FilePlace& file, const DotlockRule& rule);
  static Result<Dotlock> take(const std::string& path, const DotlockRule& rule) {
    return take(FilePlace(path), rule);
  }
  /// Whether there is one that this process has not made.
  static bool is_held_by_others(const std::string& path);

  Dotlock(Dotlock&& other) noexcept;
  Dotlock& operator=(Dotlock&& other) noexcept;
  ~Dotlock() { release(); }

  void release();

 private:
  Dotlock(FilePlace lock, std::uint64_t inode) : lock_(std::move(lock)), inode_(inode) {}
  std::optional<FilePlace> lock_;  // nothing: not held
  std::uint64_t inode_ = 0;
};

/// This host's name as it stands in lock files.
const std::string& lock_hostname();

}  // namespace pennypost::store
