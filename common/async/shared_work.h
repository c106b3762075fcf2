// Runs work that can be shared on two threads at once, where the second has nothing else to do.
//
// SEE ALSO   fair_threads.h (who gets a thread)
#pragma once

#include <functional>

#include "common/async/fair_threads.h"
#include "common/async/task.h"

namespace pennypost {

/// Calls `work` on one thread of the party, as heavy work, and at the same time on another if the
/// party has a spare one: it takes its tasks from something that both calls may use. Ends when both
/// calls have, or the first has before the second began, which then is left out. Throws what one of
/// them has thrown. A task that is destroyed meanwhile waits for them.
Task<> share_work(Loop& loop, FairThreads::Party& party, FairThreads::Place place,
                  std::function<void()> work);

}  // namespace pennypost
