// Lists the values in a table's source, so that `pennypost check` can check them.
//
// SEE ALSO   map.h (the look-up), source.h, pattern_rules.h (the sources)
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/types.h"

namespace pennypost::store {

struct WrittenValue {
  std::string where;  // `FILE:LINE`
  std::string value;  // of a pattern: with `$1` for a group
};

/// The values of hash: (from its source), texthash:, regexp: and pcre: tables; none for others.
/// Error: `FILE:LINE: reason` if the source can't be read.
Result<std::vector<WrittenValue>> written_values(const TableRef& table);

}  // namespace pennypost::store
