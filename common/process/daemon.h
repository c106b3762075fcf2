// Runs a daemon from its table of processes and its command line; every main() calls it.
#pragma once

#include "common/process/master.h"

namespace pennypost {

/// `NAME [-c DIR] [-o name=value]... [-v]`; runs in the foreground until SIGTERM. Exit status as
/// sysexits(3): 64 for a wrong command line, 78 for a wrong configuration, 71 for the system's
/// refusal.
int run_daemon(DaemonSpec spec, int argc, char** argv);

}  // namespace pennypost
