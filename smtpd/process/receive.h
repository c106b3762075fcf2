// The body of the `receive` process: accepts connections and holds the SMTP sessions with clients.
//
// One process per two cores; they share the listening sockets. A client beyond its limit is turned
// away as it is accepted; when all places are taken, the oldest session that has neither logged in
// nor begun a mail transaction ends (../../common/session/guest_list.h). At a drain the process
// accepts nothing more, tells idle clients 421, and ends when its last session has.
//
// LIMITS  smtpd_connections_max, connection_burst_max
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// The process's body; returns when it is drained.
void run_receive(Child& child);

}  // namespace pennypost::smtp
