// Runs popd's own processes: `login`, until the client is known, and `worker`, which serves the
// mail.
#pragma once

#include "common/process/child.h"

namespace pennypost::pop {

/// The bodies of the two processes: each returns when the process is to end.
void run_login(Child& child);
void run_worker(Child& child);

}  // namespace pennypost::pop
