// Runs a daemon according to its process table and command line; called by each daemon's main().
#pragma once

#include "common/process/master.h"

namespace pennypost {

/// `NAME [-c DIR] [-o name=value]... [-v]`; runs in the foreground until SIGTERM. Exit status as in
/// sysexits(3): 64 for a wrong command line, 78 for a wrong configuration, 71 for a system error.
int run_daemon(DaemonSpec spec, int argc, char** argv);

}  // namespace pennypost
