// Replaces tables in lists of networks by the networks that they hold, for processes that can read
// no table.
//
// The processes that speak with clients (receive, login) decide by such lists before they know
// anything else of a client, and can open no file. So the master reads the tables, when a daemon
// starts and at each reload; a change of a table counts from then on. Tables of mynetworks stay:
// `lookup` asks them for each client.
//
// SEE ALSO   network_list.h (who uses the lists), value_check.h (which settings these are)
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost {

/// The addresses and networks that a table holds, as a list has them.
using ReadNetworks = std::function<Result<std::vector<std::string>>(const TableRef& table)>;

/// `config`, or a copy with the tables in its lists of networks replaced. A list that is left at
/// its default, $mynetworks, and whose tables can't be read or are too large keeps them; they match
/// nobody then. Error: `FILE:LINE: NAME: reason`.
Result<std::shared_ptr<const Config>> with_networks_read(std::shared_ptr<const Config> config,
                                                         const ReadNetworks& read);

}  // namespace pennypost
