// The body of the `lookup` process: resolves addresses, and decides whether a client may send.
//
// It serves Resolve to `queue`, CheckRecipient and CheckRestrictions to `receive`, Canonicalize to
// both. It is the only process of smtpd that reads the tables. If the host's user database is used,
// too, each look-up runs on a thread.
//
// SEE ALSO   ../routing/router.h, ../policy/evaluate.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it. After a reload the new configuration applies to later requests.
/// If a configuration names an impossible table, that is logged and every request gets a temporary
/// Error.
void run_lookup(Child& child);

}  // namespace pennypost::smtp
