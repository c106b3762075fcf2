// The body of the `lookup` process: says where an address leads, and whether a client may send.
//
// It serves Resolve to `queue`, CheckRecipient and CheckRestrictions to `receive`, Canonicalize to
// both. It is the only process of smtpd that reads the tables; where the host's user database is
// asked too, each look-up runs on a thread.
//
// SEE ALSO   ../routing/router.h, ../policy/evaluate.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it. At reload it takes the new configuration for what is asked from
/// then on. A configuration that names an impossible table is logged, and every question is
/// answered "try later".
void run_lookup(Child& child);

}  // namespace pennypost::smtp
