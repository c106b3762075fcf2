// Locks a file by a dotlock, `PATH.lock`, which is held as long as the object lives.
//
// The lock file holds "pid:host". By Dovecot's rule it is stale, and removed, if it names a process
// of this host that no longer exists; or, if it names no such process, once neither the lock nor
// the file it protects has changed for `stale_seconds`. The lock of a living process is never
// broken. Threads of one process exclude each other as well.
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
  int delay_ms = 1000;      ///< the longest pause between two; the first are shorter
  int stale_seconds = 120;  ///< for a lock that names no process of this host
  int brief_ms = 0;         ///< wait no longer than this (LockTries); 0: no such limit
};

class Dotlock {
 public:
  /// 451 InUse when the lock is still held after all attempts.
  static Result<Dotlock> take(const FilePlace& file, const DotlockRule& rule);
  static Result<Dotlock> take(const std::string& path, const DotlockRule& rule) {
    return take(FilePlace(path), rule);
  }
  /// Whether another process holds the lock.
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
