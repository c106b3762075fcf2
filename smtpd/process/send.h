// The body of the `send` process: delivers to other hosts by SMTP.
//
// It runs without privileges in a chroot and reads nothing but the descriptors that it is given;
// the next hop's values in tables come with the Route.
//
// SEE ALSO   ../delivery/sender.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it; a drain waits for running attempts.
void run_send(Child& child);

}  // namespace pennypost::smtp
