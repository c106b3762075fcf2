// The `lookup` process: an address or a client in, its route or the verdict on it out.
//
// Serves Resolve to `queue`, CheckRecipient and CheckRestrictions to `receive`. It is the only
// process of smtpd that reads the tables; each look-up runs on a thread of its own.
//
// SEE ALSO   router.h, ../policy/evaluate.h, ../messages.h
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

/// Runs until the master ends it. At reload it takes the new configuration for what is asked from
/// then on. A configuration that names an impossible table is logged, and every question is
/// answered "try later".
void run_lookup(Child& child);

}  // namespace pennypost::smtp
