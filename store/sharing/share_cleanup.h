// Takes a user who is renamed or removed out of the lists of those who share mailboxes with them,
// so that nobody who is later given the name inherits the rights.
//
// SEE ALSO   share_register.h (which says whose lists name a user)
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::store {

/// Gives what others share with `old_name` to `new_name`, or to nobody if that is empty, and what
/// the user shares the new name. The users map has the change already, and the process the rights
/// of virtual_mail_owner. May be repeated. Does what it can; the Error is the first one.
Result<void> rename_in_shares(const std::shared_ptr<const Config>& config,
                              const std::string& old_name, const std::string& new_name);

/// Whether anybody shares anything here.
bool has_shares(const Config& config);

}  // namespace pennypost::store
