// Writes octets as %XX where they may not stand as they are, and reads them back.
//
// STANDARDS  RFC 3986 section 2.1
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

/// Letters, digits and the characters in `plain` stay; `%` may not be one of them.
std::string percent_encode(std::string_view text, std::string_view plain);
/// Nothing if a `%` is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace pennypost
