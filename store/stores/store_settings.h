// Translates the configuration into a mail store's settings for one account.
#pragma once

#include "common/config/config.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// Settings for the mail of one account; the account's own quota, if any, replaces the host's.
StoreSettings store_settings(const Config& config, const AccountRef& account);

/// The items of imap_special_use with the prefix of the account's namespace before each name.
std::vector<std::string> special_use_items(std::vector<std::string> items,
                                           const std::string& prefix);

}  // namespace pennypost::store
