// Tells, without a message, where a script may leave it.
#pragma once

#include <string>
#include <vector>

#include "store/sieve/script.h"

namespace pennypost::store::sieve {

/// Beside INBOX, where a copy may stay in any case.
struct WhereKept {
  bool is_certain = true;    ///< some copy stays: it is not refused, thrown away, or only sent on
  bool is_anywhere = false;  ///< in a folder whose name only a message tells
  std::vector<std::string> folders;  ///< by the names in the script
};

/// Adds what a script may do. Looks at all commands, also at those that no message may reach. A
/// script that includes others may do anything.
void add_where_kept(const Script& script, WhereKept& where);

}  // namespace pennypost::store::sieve
