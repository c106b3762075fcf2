#include "common/process/log_keeper.h"

#include <algorithm>
#include <chrono>

#include "common/log/sink.h"

namespace pennypost {
namespace {

// The pause between two tries; it doubles.
constexpr Duration pause_first{20};
constexpr Duration pause_max{1000};
// The pause while syslogd reads, but its socket can't take all waiting lines at once.
constexpr Duration pause_slow{2};

}  // namespace

void LogKeeper::look() {
  if (is_at_it_ || !log_sink().is_waiting()) return;
  is_at_it_ = true;
  tasks_.start(write_all());
}

Task<> LogKeeper::write_all() {
  Duration pause = pause_first;
  for (;;) {
    auto written = log_sink().write_waiting();
    if (written == Drained::All) break;
    if (written == Drained::Some) {
      co_await loop_.sleep(pause_slow);
      continue;
    }
    if (ask_) {
      auto asking = ask_();
      auto fresh = co_await std::move(asking);
      if (fresh) log_sink().adopt(fresh->release());
    }
    co_await loop_.sleep(pause);
    pause = std::min(pause * 2, pause_max);
  }
  is_at_it_ = false;
}

}  // namespace pennypost
