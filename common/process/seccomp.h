// Confines a process to the system calls that its kind needs (seccomp).
//
// A row of a daemon's process table names groups of calls. Other calls fail as on an older kernel
// or in an empty directory: with ENOSYS, or with ENOENT if they name a file. Libraries can handle
// that: a new version that tries a newer call falls back to the older one. Calls that only an
// intruder would make (starting a program, signals to others, debugging, …) end the process at
// once; the kernel's log has the number of the call.
//
// A filter stays in place after execve(). A process that runs other programs (commands in .forward,
// PAM's modules) may make all calls, except those that no such program ever needs, which fail with
// EPERM.
//
// The lists were measured with tests/lib/system_calls.py. With AddressSanitizer, whose run-time
// library makes further calls, nothing is filtered.
//
// SEE ALSO   seccomp_calls.h (the lists), privileges.h (what else a process gives up)
#pragma once

#include "common/base/result.h"

namespace pennypost {

/// Groups of system calls; every process has `Base`.
enum class Calls : unsigned {
  Base = 0,          // memory, threads, time, descriptors that are open already
  Accept = 1,        // take connections from a listener
  Network = 2,       // make sockets: DNS, other hosts
  HostServices = 4,  // local sockets: syslog, the user database, our control socket
  ReadFiles = 8,     // also makes memory executable, since reading tables may load libraries
  WriteFiles = 16,   // also their names, owners and locks
  RunPrograms = 32,  // everything except what is never needed
};
constexpr Calls operator|(Calls one, Calls other) {
  return static_cast<Calls>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}
constexpr bool has(Calls calls, Calls group) {
  return (static_cast<unsigned>(calls) & static_cast<unsigned>(group)) != 0;
}

/// Restricts this thread and those that it starts, permanently; needs no_new_privs. A kernel
/// without seccomp is not an error, since the other restrictions remain. Errors name the step.
Result<void> restrict_calls(Calls calls);

/// Whether restrict_calls() has an effect, in this build and on this kernel.
bool can_restrict_calls();

}  // namespace pennypost
