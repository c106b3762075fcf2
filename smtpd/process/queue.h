// The body of the `queue` process: owns the queue from its lock to its orderly stop.
//
// It serves OpenBody, DropBody and Submit to `receive`; submits the files of maildrop; listens on
// the queue's socket for sendmail, mailq, postqueue, postsuper and postcat; and schedules
// deliveries.
//
// SEE ALSO   ../queue/queue.h, ../scheduler/scheduler.h, ../pickup/control_server.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it. If the queue can't be opened, it logs that as fatal and ends.
void run_queue(Child& child);

}  // namespace pennypost::smtp
