// The body of the `queue` process: owns the queue from its lock to its orderly stop.
//
// It serves OpenBody, DropBody and Submit to `receive`; takes in what postdrop left; listens on the
// queue's own socket for sendmail, mailq, postqueue, postsuper and postcat; schedules deliveries.
//
// SEE ALSO   ../queue/queue.h, ../scheduler/scheduler.h, ../pickup/control_server.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it. A queue that can't be opened is logged as fatal and ends it.
void run_queue(Child& child);

}  // namespace pennypost::smtp
