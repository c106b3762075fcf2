// Opens an account's mail in the format that its location names: Maildir++ or mbox.
//
// The daemons open mail only here, and see only MailStore and Mailbox, never a format.
//
// SEE ALSO   ../mailbox/mailbox.h (what a store can do), ../mailbox/location.h (the formats),
// store_settings.h
#pragma once

#include <memory>

#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// Does not access the disk yet: the first deliver() or open() creates what is missing.
std::unique_ptr<MailStore> open_store(MailLocation location, StoreSettings settings);

}  // namespace pennypost::store
