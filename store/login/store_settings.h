// A Config in, what a mail store must be told out.
#pragma once

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// For the mail of one account; its own quota goes before the host's.
StoreSettings store_settings(const Config& config, const AccountRef& account);

}  // namespace pennypost::store
