// The `queue` process: the one owner of the queue, from its lock to its orderly stop.
//
// Serves OpenBody, DropBody and Submit to `receive`; takes in what postdrop left; listens on the
// queue's own socket for sendmail, mailq, postqueue, postsuper and postcat; schedules deliveries.
//
// SEE ALSO   queue.h, ../scheduler/scheduler.h, control_server.h, maildrop.h
#pragma once

#include "common/config/config.h"
#include "common/process/child.h"
#include "smtpd/queue/queue.h"

namespace pennypost::smtp {

/// Where the queue lies, and how much room it keeps.
Queue::Options queue_options(const Config& config);

/// Runs until the master ends it. A queue that can't be opened is logged as fatal and ends it.
void run_queue(Child& child);

}  // namespace pennypost::smtp
