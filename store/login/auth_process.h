// Runs the auth process: the one process of a daemon that reads credentials, and tells login and
// receive processes who their clients are.
//
// It holds the exchanges that are under way, has passwords checked in the order of auth_queue.h
// (argon2id costs about 60 ms each), and tells the master which token stands for which account.
// smtpd's auth process tells its master nothing, since its clients are not handed over.
//
// A right password is answered at once. Everything else is answered at a time that is fixed by what
// the client has done before: auth_failure_delay after the question, doubled with each wrong
// password of the pair of address and login, or a multiple of that when the check took longer. So
// the time shows neither whether a name exists nor which backend knows it, and an attempt that was
// refused without a check (a blocked pair) looks like any other. SCRAM's challenge, for which keys
// are looked up, is sent at fixed times as well.
//
// LIMITS     answers_max; auth_timeout for each; those of auth_queue.h and auth_exchanges.h
#pragma once

#include "common/process/child.h"
#include "common/process/seccomp.h"

namespace pennypost::store {

/// The most questions that may wait for their answers.
inline constexpr std::size_t answers_max = 100'000;

/// System calls that `auth` needs if it loads no PAM module; tables may be on the network.
inline constexpr Calls auth_calls =
    Calls::ReadFiles | Calls::WriteFiles | Calls::Network | Calls::HostServices;

/// The body of the process `auth`, in all three daemons.
void run_auth(Child& child);

}  // namespace pennypost::store
