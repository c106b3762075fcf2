// Prepares login names and passwords for comparison, so that the keyboard they were typed on does
// not matter.
//
// STANDARDS  RFC 4013 (SASLprep), RFC 3454 (its tables); as for queries, unassigned code points
// pass
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

/// ASCII without control characters comes back as it is. Error: not UTF-8, a prohibited character,
/// or letters of both directions mixed (RFC 3454 section 6).
Result<std::string> saslprep(std::string_view text);

}  // namespace pennypost
