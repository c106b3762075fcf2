// Creates the directories of own users' mail and of the auth process before a daemon starts.
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::store {

/// virtual_mailbox_base, data_directory and index_directory, where missing, for virtual_mail_owner.
Result<void> prepare_mail_directories(const Config& config);

}  // namespace pennypost::store
