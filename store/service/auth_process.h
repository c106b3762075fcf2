// Questions of login and receive processes in, who their clients are out: the one process that
// reads credentials.
//
// It holds the exchanges that are under way, checks passwords on threads (argon2id costs about 60
// ms each), holds back the answer to an address that fails often, and tells the master which token
// stands for which account. smtpd's has no master to tell: its clients stay where they are.
//
// LIMITS  exchanges_max; auth_timeout for each; auth_failures_per_address_max
#pragma once

#include "common/process/child.h"

namespace pennypost::store {

inline constexpr std::size_t exchanges_max = 100'000;

/// The body of `auth`, in all three daemons.
void run_auth(Child& child);

}  // namespace pennypost::store
