// A file's path in, the lock `PATH.lock` held until the object goes out.
//
// The lock file holds "pid:host". It is stale, and removed, by Dovecot's rule: its process was one
// of this host and is no more; or, where no such process can be read from it, neither it nor the
// file it protects has changed for `stale_seconds`. A lock whose process lives is never broken.
// Threads of one process exclude each other as well.
//
// SEE ALSO   https://doc.dovecot.org (dotlock_use_excl), Postfix's stale_lock_time
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace pennypost::store {

struct DotlockRule {
  int attempts = 20;        ///< at least 1
  int delay_ms = 1000;      ///< the longest pause between two; it starts short
  int stale_seconds = 120;  ///< of a lock without a process of this host
  int brief_ms = 0;         ///< wait no longer than so, as LockTries has it; 0: no such bound
  std::string group;        ///< an effective group for making and removing it; empty: none
};

class Dotlock {
 public:
  /// 451 "[INUSE] …" when the lock is still held after all attempts.
  static Result<Dotlock> take(const std::string& path, const DotlockRule& rule);
  /// Whether there is one that this process has not made.
  static bool is_held_by_others(const std::string& path);

  Dotlock(Dotlock&& other) noexcept;
  Dotlock& operator=(Dotlock&& other) noexcept;
  ~Dotlock() { release(); }

  void release();

 private:
  Dotlock(std::string path, std::string group, std::uint64_t inode)
      : path_(std::move(path)), group_(std::move(group)), inode_(inode) {}
  std::string path_;  // of the lock; empty: not held
  std::string group_;
  std::uint64_t inode_ = 0;
};

/// This thread's effective group is `name` while the object lives: the process must hold it as a
/// saved or supplementary group. Other threads keep theirs. Does nothing for an empty or unknown
/// name, or without the right; what then fails says EACCES.
class PrivilegedGroup {
 public:
  explicit PrivilegedGroup(const std::string& name);
  PrivilegedGroup(const PrivilegedGroup&) = delete;
  PrivilegedGroup& operator=(const PrivilegedGroup&) = delete;
  ~PrivilegedGroup();

 private:
  std::optional<gid_t> before_;
};

/// This host's name as it stands in lock files.
const std::string& lock_hostname();

}  // namespace pennypost::store
