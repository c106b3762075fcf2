// Names the rights with which an account's mail is touched: those of the account's user, and the
// groups that the settings add.
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/privileges.h"

namespace pennypost {

/// `identity` is the account's user: a system user, or whom own users share. Error: a group can't
/// be looked up.
Result<Privileges> mail_rights(const Config& config, Identity identity);

}  // namespace pennypost
