// Normalizes login names and passwords, so that different ways to type the same characters compare
// equal.
//
// STANDARDS  RFC 4013 (SASLprep), RFC 3454 (its tables); as for queries, unassigned code points
// pass
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

/// ASCII without control characters is returned unchanged. Error: not UTF-8, a prohibited
/// character, or a mixture of left-to-right and right-to-left letters (RFC 3454 section 6).
Result<std::string> saslprep(std::string_view text);

}  // namespace pennypost
