// The body of the `send` process: delivers to other servers by SMTP and LMTP.
//
// It runs without privileges in a chroot and reads nothing but the descriptors that it is given;
// the next hop's values in tables come with the Route, and a connection to a Unix socket from
// `queue`.
//
// SEE ALSO   ../delivery/sender.h, ../scheduler/local_sockets.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it; a drain waits for running attempts.
void run_send(Child& child);

}  // namespace pennypost::smtp
