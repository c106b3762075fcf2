// Looks at this host as strangers see it: whether it relays for them, and whether it can reach
// them.
#pragma once

#include <string>

#include "common/config/config.h"
#include "smtpd/commands/findings.h"
#include "smtpd/commands/offline_lookup.h"

namespace pennypost::smtp {

/// How long a server elsewhere may take to greet.
inline constexpr Duration doctor_connect_time_max{10'000};

/// What RCPT answers a stranger who wants mail relayed, in each form that has fooled a server. The
/// rules that smtpd asks decide, for an address that no network of ours can have (RFC 5737).
Findings check_relaying(OfflineLookup& lookup);

/// Whether the host that takes our mail greets us: the relayhost, or the mail host of `probe`, a
/// domain elsewhere.
Findings check_way_out(OfflineLookup& lookup, const std::string& probe);

}  // namespace pennypost::smtp
