// Lets the tasks that work on the same session take turns.
//
// Who comes while another waits goes behind them, even if nobody has the turn at that moment. So a
// task that gives its turn and at once takes the next one keeps nobody waiting for ever.
//
// SEE ALSO   context.h (who has it)
#pragma once

#include <cstddef>

#include "common/async/loop.h"
#include "common/async/task.h"

namespace pennypost::imap {

/// Outlives the tasks that wait for it.
class Turns {
 public:
  explicit Turns(Loop& loop) : given_(loop) {}

  /// Waits until nobody else has the turn. To be followed by give().
  Task<> take();
  void give();
  bool is_taken() const { return is_taken_; }

 private:
  class Waiting;

  Event given_;
  std::size_t waiting_ = 0;
  bool is_taken_ = false;
};

}  // namespace pennypost::imap
