// Tells before a run what a test answers, where that is certain: true, false, ihave, and what
// combines them.
//
// STANDARDS  RFC 5463 section 4
#pragma once

#include <optional>

#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// Nothing: it depends on the message. `script`: its extensions count.
std::optional<bool> certain_value(const Command& test, const Script& script);

}  // namespace pennypost::store::sieve
