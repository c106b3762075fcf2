// Writes text as JSON.
//
// STANDARDS  RFC 8259
#pragma once

#include <string>
#include <string_view>

namespace pennypost {

/// A JSON string: ASCII control characters, quote and backslash are escaped; printable UTF-8 is
/// kept; other octets become `?` (section 8.1: only UTF-8).
std::string json_string(std::string_view text);

}  // namespace pennypost
