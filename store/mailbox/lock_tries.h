// Decides when to retry a lock that another program holds, and when to give up.
//
// Waiting means sleeping in the calling thread, with growing pauses. A caller that must not block
// its thread for long waits briefly and gets InUse; its event loop does the rest of the waiting
// (lock_wait.h). Once a thread of this process has waited for a lock in vain, brief callers only
// try once without waiting, for some seconds, so that a held lock does not block thread after
// thread.
//
// SEE ALSO   dotlock.h, ../mbox/lock.h (who waits)
#pragma once

#include <chrono>
#include <string>

namespace pennypost::store {

/// The tries for one lock, in one call:
///
///   for (LockTries tries(path, longest, pause_max, brief); tries.again();) { … }
class LockTries {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// Tries until `longest` has passed; no pause is longer than `pause_max`. If `brief` is not zero,
  /// the wait is no longer than that, and there is none for a lock that is known to be held.
  LockTries(std::string path, Milliseconds longest, Milliseconds pause_max, Milliseconds brief);

  /// Sleeps until the next try is due (the first is at once); false when the time is over.
  bool again();
  /// To be called when the lock was taken.
  void succeeded();

 private:
  std::string path_;
  std::chrono::steady_clock::time_point end_;
  Milliseconds pause_max_;
  Milliseconds pause_{0};  // before the next try
  bool is_first_ = true;
};

}  // namespace pennypost::store
