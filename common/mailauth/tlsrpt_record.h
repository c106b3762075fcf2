// Finds where a domain wants reports about the TLS of sessions with its hosts.
//
//   record = "v=TLSRPTv1;" "rua=" uri *("," uri) *(";" ...) at _smtp._tls.DOMAIN
//
// Other fields are passed over, and so are URIs that are neither mailto: nor https:, or malformed.
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
#include "common/mailauth/https_uri.h"
#include "common/mailauth/report_targets.h"

namespace pennypost {

inline constexpr std::size_t tlsrpt_uris_max = 10;

/// The URIs of the one record among a name's TXT records; nothing if there is none, or more than
/// one, or it is malformed.
std::optional<std::vector<std::string>> tlsrpt_uris(const std::vector<std::string>& records);

/// Where a domain's reports go, each place once.
struct TlsrptTargets {
  std::vector<ReportTarget> addresses;
  std::vector<std::string> web;  // URIs that parse_https_uri() takes
};

/// Both empty: the domain wants no reports. Error 451: DNS does not answer within `time_max`.
Task<Result<TlsrptTargets>> tlsrpt_targets(Loop& loop, Resolver& resolver, std::string domain,
                                           Duration time_max);

}  // namespace pennypost
