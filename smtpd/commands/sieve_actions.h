// Prints what a Sieve script has chosen to do, an action a line.
#pragma once

#include <iosfwd>
#include <string_view>

#include "store/sieve/actions.h"

namespace pennypost::smtp {

/// `message` is the one that the script ran over. What comes from it is made safe for a terminal.
void print_outcome(const store::sieve::Outcome& outcome, std::string_view message,
                   std::ostream& out);

}  // namespace pennypost::smtp
