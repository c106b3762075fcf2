// Parses Authentication-Results that another host wrote: each method with its result.
//
// Whether that host is to be believed is for the caller to know. What is not of the field's form is
// left out.
//
// LIMITS     auth_results_bytes_max, auth_methods_max
// STANDARDS  RFC 8601 section 2.2
// SEE ALSO   auth_results.h (the other side)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/mailauth/arc.h"
#include "common/mailauth/auth_results.h"

namespace pennypost {

inline constexpr std::size_t auth_results_bytes_max = 64 * 1024;
inline constexpr std::size_t auth_methods_max = 100;  // and as many properties of each

/// The results in a field's body, `authserv-id; spf=pass ...`, also that of
/// ARC-Authentication-Results behind its `i=1;`. Names and results are in lower case. Nothing if
/// the body is longer than the limit, or if a comment or a quoted string does not end.
std::vector<AuthMethod> parse_auth_results(std::string_view body);

/// Whether a chain that passes shows that one of the `trusted` domains has seen DMARC pass for the
/// author's domain, and that only trusted ones have sealed the message since.
bool is_vouched_for(const ArcResult& arc, std::string_view author_domain,
                    const std::vector<std::string>& trusted);

}  // namespace pennypost
