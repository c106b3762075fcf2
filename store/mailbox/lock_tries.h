// Decides when to try again for a lock that another program holds, and when to give up.
//
// Waiting means sleeping in the calling thread, with growing pauses. A caller that must not hold up
// its thread waits briefly and gets InUse; its event loop does the rest of the wait (lock_wait.h).
// Once a thread of this process has waited for a lock in vain, only one thread at a time tries for
// it, so that however many want it, they stop no more threads than those of the first moment.
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

  /// Until `longest` has passed; no pause is longer than `pause_max`. `brief`: for no longer than
  /// that, and not at all for a lock that is known to be held; zero: no such bound.
  LockTries(std::string path, Milliseconds longest, Milliseconds pause_max, Milliseconds brief);

  /// Sleeps until the next try is due, the first one at once; false when the time is over.
  bool again();
  /// The lock is ours.
  void succeeded();

 private:
  std::string path_;
  std::chrono::steady_clock::time_point end_;
  Milliseconds pause_max_;
  Milliseconds pause_{0};  // before the next try
  bool is_first_ = true;
};

}  // namespace pennypost::store
