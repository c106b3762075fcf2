// Finds the user as whom the command of a [transport.NAME] runs.
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/privileges.h"

namespace pennypost::smtp {

/// Errors name the section's line: no such user or group, or one whose rights a command may not
/// have: root, mail_owner, and the groups of both.
Result<Identity> pipe_identity(const Config& config, const OwnTransport& transport);

}  // namespace pennypost::smtp
