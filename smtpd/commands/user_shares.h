// Cleans what users share with each other when one of them is renamed or removed.
//
// SEE ALSO   user_change.h (who calls), ../../store/sharing/share_cleanup.h
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// In a process with the rights of virtual_mail_owner, to whom the mail belongs. `new_name` is
/// empty for a user who is removed. May be repeated.
Result<void> clean_shares(const std::shared_ptr<const Config>& config, const std::string& old_name,
                          const std::string& new_name);

}  // namespace pennypost::smtp
