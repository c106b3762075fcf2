// Lists the accounts that may have mail on this host, for commands that go through all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::store {

/// The names of all own users, and of the users of passwd but root where `system_users = yes`.
/// Whether one of these may own mail, Accounts::by_name() says. Opens no database. Error: the
/// users' file can't be read.
Result<std::vector<std::string>> account_names(const std::shared_ptr<const Config>& config);

}  // namespace pennypost::store
