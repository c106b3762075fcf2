// The body of the `send` process: delivers to other hosts by SMTP.
//
// It runs without privileges in a changed root and reads nothing but the descriptors it is given;
// what tables say of a next hop comes with the Route.
//
// SEE ALSO   ../delivery/sender.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it; a drain waits for the attempts under way.
void run_send(Child& child);

}  // namespace pennypost::smtp
