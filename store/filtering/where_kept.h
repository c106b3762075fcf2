// Tells where an account's scripts and the host's may leave a message that is delivered to it.
//
// SEE ALSO   ../sieve/where_kept.h (one script), sieve_filter.h (who runs them)
#pragma once

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/sieve/where_kept.h"

namespace pennypost::store {

/// What any of the scripts may do; a script that is missing or has mistakes keeps the message in
/// INBOX. Error: a script can't be read now.
Result<sieve::WhereKept> where_kept(const Config& config, const AccountRef& account);

}  // namespace pennypost::store
