// Tells a loop over much data on the event loop when it should let other tasks run.
//
//   for (const auto& line : lines) {
//     connection.put(line);
//     if (turn_is_long(loop)) co_await loop.turn_end();
//   }
//
// To be used wherever a client decides how often a loop repeats. It costs reading the clock.
//
// SEE ALSO   fair_threads.h (work that is too much for the loop)
#pragma once

#include "common/async/loop.h"

namespace pennypost {

/// How long one turn of the loop should last at most, roughly.
inline constexpr Duration turn_length{5};

/// Whether that time has passed since the loop last polled its descriptors. If so, `co_await
/// loop.turn_end()`, after which it polls again.
inline bool turn_is_long(const Loop& loop) {
  return std::chrono::steady_clock::now() - loop.now() >= turn_length;
}

}  // namespace pennypost
