// Decides when to retry a lock that another program holds, and when to give up.
//
// Waiting means sleeping in the calling thread, with growing pauses. A caller that must not block
// its thread for long waits briefly and gets InUse; its event loop does the rest of the waiting
// (lock_wait.h). Once a thread of this process has waited for a lock in vain, brief callers only
// try once without waiting, for some seconds, so that a held lock does not block thread after
// thread.
//
// SEE ALSO   dotlock.h, ../mbox/lock.h (who waits), mailbox.cpp (who insists)
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "common/base/result.h"

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

/// Calls `function`, which gives a Result, again and again on this thread while the answer is
/// InUse, until `longest` has passed. For the second half of what can't be begun anew, such as the
/// removal after copying: a brief caller would repeat the whole.
template <class Function>
auto insist_while_locked(std::chrono::milliseconds longest, Function function) {
  constexpr std::chrono::milliseconds pause_max{100};
  auto end = std::chrono::steady_clock::now() + longest;
  std::chrono::milliseconds pause{5};
  auto result = function();
  while (!result && result.error().response_code() == ResponseCode::InUse &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, pause_max);
    result = function();
  }
  return result;
}
/// How long a removal insists that can still be given up, and one for which there is nothing else
/// to do.
inline constexpr std::chrono::milliseconds insist_briefly{1'000};
inline constexpr std::chrono::milliseconds insist_max{10'000};

}  // namespace pennypost::store
