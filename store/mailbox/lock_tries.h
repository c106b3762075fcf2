// A lock's path and how long to wait for it in, the moments to try for it out.
//
// Waiting is sleeping in one's thread, with pauses that grow. Who may not hold up his thread for
// long waits briefly, and hears InUse: the rest of the wait is his event loop's (lock_wait.h).
// A lock that somebody of this process has waited for in vain is then tried for only once at a
// time, so that however many want it, they stop no more threads than those of the first moment.
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
