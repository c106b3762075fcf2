// Splits the text between the braces of inline:{...}, static:{...}, unionmap:{...} into its pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

/// `{a=b, {c = d, e}, pcre:{x}}`: items separated by commas or white space. An item in braces may
/// contain both; its braces are removed. Error: braces are missing or do not match.
Result<std::vector<std::string>> brace_items(std::string_view text);

/// `{text}` without its braces and the white space within them; other text as it is.
Result<std::string> unbraced(std::string_view text);

}  // namespace pennypost::store
