// Tells whoever loops over much data on the event loop that it is time to let others have a turn.
//
//   for (const auto& line : lines) {
//     connection.put(line);
//     if (turn_is_long(loop)) co_await loop.turn_end();
//   }
//
// To be asked wherever a user decides how often a loop goes round. It costs a look at the clock.
//
// SEE ALSO   fair_threads.h (work that is too much for the loop)
#pragma once

#include "common/async/loop.h"

namespace pennypost {

/// What one turn of the loop should not exceed by much.
inline constexpr Duration turn_length{5};

/// Whether that time has passed since the loop last looked at its descriptors: then
/// `co_await loop.turn_end()`, after which it has looked again.
inline bool turn_is_long(const Loop& loop) {
  return std::chrono::steady_clock::now() - loop.now() >= turn_length;
}

}  // namespace pennypost
