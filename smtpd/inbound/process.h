// The `receive` process: accepted connections in, sessions held, messages submitted.
//
// One per core; they share the listening sockets. At a drain it accepts nothing more, tells idle
// clients 421, and ends when the last session has.
//
// LIMITS  smtpd_connections_max, connection_burst_max
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// The process's body; returns when it is drained.
void run_receive(Child& child);

}  // namespace pennypost::smtp
