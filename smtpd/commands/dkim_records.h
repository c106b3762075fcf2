// Writes the DNS records of keys that sign mail, and sees whether DNS shows them.
//
// STANDARDS  RFC 6376 section 3.6, RFC 1035 section 5.1
// SEE ALSO   dkim.h (the command), ../policy/key_directory.h
#pragma once

#include <string>
#include <string_view>

#include "common/async/loop.h"
#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/dns/settings.h"
#include "smtpd/policy/key_directory.h"

namespace pennypost::smtp {

/// `SELECTOR._domainkey.DOMAIN. IN TXT ( "…" )`, with its line end.
std::string dkim_zone_line(const std::string& domain, const KeptKey& key);

/// What DNS shows of a key: `published`, `missing`, `differs`, or `unknown` (no answer).
std::string_view dkim_in_dns(Loop& loop, Resolver& resolver, const std::string& domain,
                             const KeptKey& key);

}  // namespace pennypost::smtp
