// Finds what is wrong with the settings of Sieve that only Sieve itself can judge: expressions that
// do not compile, scripts of the administrator that are not there or have mistakes.
//
// SEE ALSO  common/config/value_check.h (what a value alone shows)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::store {

/// Each `FILE:LINE: SETTING: ...`, or `SCRIPT:LINE:COLUMN: ...`.
std::vector<std::string> sieve_problems(const Config& config);

}  // namespace pennypost::store
