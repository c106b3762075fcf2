// The body of the `receive` process: accepts connections and serves SMTP sessions.
//
// There is one process for every two cores; they share the listening sockets. A client beyond its
// limit is turned away at once; when there are smtpd_connections_max sessions, the oldest one that
// has neither logged in nor begun a mail transaction is ended (../../common/session/guest_list.h).
// At a drain the process accepts no more connections, tells idle clients 421, and ends after its
// last session.
//
// LIMITS  smtpd_connections_max, connection_burst_max
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Returns when the process is drained.
void run_receive(Child& child);

}  // namespace pennypost::smtp
