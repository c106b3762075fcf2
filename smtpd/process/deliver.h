// The body of the `deliver` process: delivers to mailboxes, files and commands of this host.
//
// One process serves one system user, another all own users, a third what runs as default_privs. It
// answers the Attempts of `queue`, and ends when it has been idle for max_idle.
//
// LIMITS     delivery_threads
// SEE ALSO   ../delivery/local.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until it is idle or the master ends it.
void run_deliver(Child& child);

}  // namespace pennypost::smtp
