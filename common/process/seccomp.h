// Confines a process to the system calls that its kind needs (seccomp).
//
// A row of a daemon's process table names groups of calls. What is in none of them answers as an
// older kernel would, or an empty directory: ENOSYS, or ENOENT where a file is named; libraries
// take that for what it is, and a new version of one that tries a newer call goes on by the older.
// What only an intruder would call (starting a program, signals to others, debugging, …) ends the
// process at once; the kernel's log has the number of the call.
//
// A filter outlives execve(). Where programs of others are run (commands of .forward, PAM's
// modules) everything is allowed but what neither mail nor they ever need, which is EPERM.
//
// The lists were measured, not guessed: tests/lib/system_calls.py. With AddressSanitizer, whose
// run-time library makes calls of its own, nothing is filtered.
//
// SEE ALSO   seccomp_calls.h (the lists), privileges.h (what else a process gives up)
#pragma once

#include "common/base/result.h"

namespace pennypost {

/// Groups of system calls; every process has `Base`.
enum class Calls : unsigned {
  Base = 0,          // memory, threads, time, descriptors that are open already
  Accept = 1,        // take connections from a listener
  Network = 2,       // sockets of one's own: DNS, other hosts
  HostServices = 4,  // sockets of this host: its log, its user database, our own control socket
  ReadFiles = 8,     // and make memory executable: who reads tables loads libraries
  WriteFiles = 16,   // with their names, owners and locks
  RunPrograms = 32,  // everything, but for what is never right
};
constexpr Calls operator|(Calls one, Calls other) {
  return static_cast<Calls>(static_cast<unsigned>(one) | static_cast<unsigned>(other));
}
constexpr bool has(Calls calls, Calls group) {
  return (static_cast<unsigned>(calls) & static_cast<unsigned>(group)) != 0;
}

/// For good, for this thread and those that it begins; needs no_new_privs. A kernel without seccomp
/// is no error: the other fences still stand. Errors name the step.
Result<void> restrict_calls(Calls calls);

}  // namespace pennypost
