// Applies the modifiers of `set` (:lower, :quotewildcard ...) to a value.
//
// STANDARDS  RFC 5229 section 4.1, RFC 5435 section 6 (:encodeurl)
#pragma once

#include <string>

#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// In the order of their precedence, whatever order they are written in.
std::string modified(const Command& command, std::string value);

}  // namespace pennypost::store::sieve
