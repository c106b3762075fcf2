// Retries a locked mailbox without blocking a pool thread.
//
// Another program may hold a lock for minutes, and none of the process's few threads may be blocked
// for that long. With StoreSettings::brief_lock_ms a call of MailStore or Mailbox waits only
// briefly, changes nothing and answers InUse. The call is then repeated from the event loop, at
// growing intervals, until MailStore::lock_timeout has passed.
//
// SEE ALSO   lock_tries.h (the short wait)
#pragma once

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <utility>

#include "common/async/loop.h"
#include "common/async/task.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// The waiting time of one command, for each lock.
class LockWait {
 public:
  LockWait(Loop& loop, Duration longest) : loop_(loop), longest_(longest) { begin(); }

  /// No lock is in the way: the next one is waited for as long again.
  void begin() {
    end_ = loop_.now() + longest_;
    pause_ = pause_min;
  }

  bool is_over() const { return loop_.now() >= end_; }
  /// Waits until the next try is due.
  Task<> pause() {
    auto pause = std::exchange(pause_, std::min(pause_ * 2, pause_max));
    co_await loop_.sleep(pause);
  }

 private:
  static constexpr Duration pause_min{20};
  static constexpr Duration pause_max{1000};

  Loop& loop_;
  Duration longest_;
  SteadyTime end_;
  Duration pause_ = pause_min;
};

/// Calls `function`, which returns a Result, by threads.offload() (as of FairThreads::Lane), and
/// repeats that while the answer is InUse and `longest` has not passed.
template <class Threads, class Function>
Task<std::invoke_result_t<Function&>> retry_while_locked(Loop& loop, Threads threads,
                                                         Duration longest, Function function) {
  using Value = std::invoke_result_t<Function&>;
  LockWait wait(loop, longest);
  auto result = co_await threads.offload([&] { return function(); });
  while (!result && is_in_use(result.error()) && !wait.is_over()) {
    co_await wait.pause();
    result = co_await threads.offload([&] { return function(); });
  }
  co_return Value(std::move(result));
}
/// Uses any thread of the loop's pool.
struct AnyThread {
  Loop& loop;
  template <class Function>
  Loop::Offload<Function> offload(Function function) const {
    return loop.offload(std::move(function));
  }
};
template <class Function>
Task<std::invoke_result_t<Function&>> retry_while_locked(Loop& loop, Duration longest,
                                                         Function function) {
  return retry_while_locked(loop, AnyThread{loop}, longest, std::move(function));
}

}  // namespace pennypost::store
