// Reads the match type, comparator and constant patterns of a test.
//
// STANDARDS  RFC 5228 section 2.7, RFC 5231, RFC 6134
#pragma once

#include <optional>
#include <string_view>

#include "store/sieve/argument_checks.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// Fills in command.match, if its row has match types. The keys are the last argument.
void check_match(Checking& checking, Command& command);

/// RFC 5231 section 4.1: gt, ge, lt, le, eq, ne.
std::optional<Relation> find_relation(std::string_view name);

}  // namespace pennypost::store::sieve
