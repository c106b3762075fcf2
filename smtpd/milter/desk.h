// Finds the milters for a client, and connects to them, for processes that may do neither.
//
// SEE ALSO   messages.h (the requests), ../process/lookup.cpp (where it runs)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/config/milter_settings.h"
#include "common/dns/resolver.h"
#include "common/process/port.h"
#include "smtpd/milter/messages.h"

namespace pennypost::smtp {

/// Looks a key up in one table.
using FindInTable =
    std::function<Result<std::optional<std::string>>(const TableRef& table, std::string_view key)>;

/// What smtpd_milter_maps say of the client's address, or else smtpd_milters. Error 4xx: a table
/// can't be read.
Result<std::vector<std::string>> milters_for(const Settings& settings,
                                             std::string_view client_address,
                                             const FindInTable& find);

/// The answer to ConnectMilter. `milters`: the list in which its number counts; `directory`: that
/// of relative paths.
Task<Result<RawReply>> connect_milter(Loop& loop, Resolver& resolver,
                                      std::vector<std::string> milters, std::uint32_t number,
                                      const Settings& settings, std::string directory);

}  // namespace pennypost::smtp
