// Lists the addresses and networks that a table holds, for lists of networks whose tables are read
// when a daemon starts.
//
// SEE ALSO   ../../common/config/network_tables.h (which lists)
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/types.h"

namespace pennypost::store {

/// The keys of the table: addresses, networks as `192.0.2.0/24` and as `192.0.2`. Error: the table
/// can't be read, or can't be listed (patterns, servers); a key that is neither.
Result<std::vector<std::string>> networks_of(const TableRef& table);

}  // namespace pennypost::store
