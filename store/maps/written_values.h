// Lists the values of a table as its source has them, so that `pennypost check` can judge them.
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
  std::string value;  // of a pattern: `$1` where it fills a group in
};

/// Of hash: (its source), texthash:, regexp: and pcre: tables; of others nothing. Error: the source
/// can't be read, as `FILE:LINE: reason`.
Result<std::vector<WrittenValue>> written_values(const TableRef& table);

}  // namespace pennypost::store
