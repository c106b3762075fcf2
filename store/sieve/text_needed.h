// Tells how much of a message a script looks at, so that a large one need not be read for it.
#pragma once

#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// Whether the header is enough: the script has no test of the body, its parts or the size, and
/// changes nothing of the message. A script that includes others needs all.
bool needs_header_only(const Script& script);

}  // namespace pennypost::store::sieve
