// The body of the `deliver` process: delivers to mailboxes, files and commands of this host.
//
// There is one process for each system user, one for all own (virtual) users, and one for what runs
// as default_privs. It answers the Attempts of `queue`, and ends when it has been idle for
// max_idle. Behind the deliveries it puts new mail into its users' indexes of words.
//
// LIMITS     delivery_threads
// SEE ALSO   ../delivery/local.h, ../../store/indexing/word_follower.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until it has been idle for max_idle or the master ends it.
void run_deliver(Child& child);

}  // namespace pennypost::smtp
