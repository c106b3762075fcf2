// Translates the configuration into what a mail store must be told for one account.
#pragma once

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// Settings for the mail of one account; the account's own quota replaces the host's.
StoreSettings store_settings(const Config& config, const AccountRef& account);

}  // namespace pennypost::store
