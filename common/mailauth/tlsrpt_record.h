// Finds where a domain wants reports about the TLS of sessions with its hosts.
//
//   record = "v=TLSRPTv1;" "rua=" uri *("," uri) *(";" ...) at _smtp._tls.DOMAIN
//
// Other fields are passed over, and so are URIs that are neither mailto: nor https:.
//
// LIMITS     tlsrpt_uris_max, and the caller's time
// STANDARDS  RFC 8460 section 3
// SEE ALSO   report_targets.h (the same of DMARC)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "common/mailauth/report_targets.h"

namespace pennypost {

inline constexpr std::size_t tlsrpt_uris_max = 10;

/// The URIs of the one record among a name's TXT records; nothing if there is none, or more than
/// one, or it is malformed.
std::optional<std::vector<std::string>> tlsrpt_uris(const std::vector<std::string>& records);

/// The addresses among them; empty: the domain wants no mail about it. Error 451: DNS does not
/// answer within `time_max`.
Task<Result<std::vector<ReportTarget>>> tlsrpt_targets(Loop& loop, Resolver& resolver,
                                                       std::string domain, Duration time_max);

}  // namespace pennypost
