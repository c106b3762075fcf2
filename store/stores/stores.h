// Opens an account's mail in the format that its location names: Maildir++ or mbox.
//
// The only door for the daemons: behind it they see MailStore and Mailbox alone, never a format.
//
// SEE ALSO   ../mailbox/mailbox.h (what a store can do), ../mailbox/location.h (the formats),
// store_settings.h
#pragma once

#include <memory>

#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// Does not touch the disk yet: what is missing is created by the first deliver() or open().
std::unique_ptr<MailStore> open_store(MailLocation location, StoreSettings settings);

}  // namespace pennypost::store
