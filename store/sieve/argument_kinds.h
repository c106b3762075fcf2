// Which written arguments fit a row of the command table, and how the kinds are called.
#pragma once

#include <string_view>

#include "store/sieve/command_table.h"
#include "store/sieve/parser.h"

namespace pennypost::store::sieve {

/// For a message: `a string`, `a number`.
std::string_view wanted_text(ArgumentKind kind);
bool is_optional(ArgumentKind kind);
bool fits(ArgumentKind wanted, const WrittenArgument& given);

}  // namespace pennypost::store::sieve
