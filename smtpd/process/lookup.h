// The body of the `lookup` process: resolves addresses, and decides whether a client may send.
//
// It serves Resolve to `queue`, CheckRecipient and CheckRestrictions to `receive`, Canonicalize to
// both. It is the only process of smtpd that reads the tables. What may not answer for long, such
// as the host's user database, which may be a network's, is a SlowSource: it has threads and a
// deadline of its own, and delays only those who ask it.
//
// SEE ALSO   ../routing/router.h, ../policy/evaluate.h, ../../common/async/inquiry.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it. After a reload the new configuration applies to later requests.
/// If a configuration names an impossible table, that is logged and every request gets a temporary
/// Error.
void run_lookup(Child& child);

}  // namespace pennypost::smtp
