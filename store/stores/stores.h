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

/// Makes a folder's lists agree with its mail, and what an index has of it void (see
/// ../maildir/resync.h). An mbox has its UIDs in itself, and is read anew. NonExistent.
struct Resync {
  std::uint64_t messages = 0;  // that are there now
  std::uint64_t added = 0;     // that had no UID
  std::uint64_t dropped = 0;   // records of messages that are gone
};
Result<Resync> resync_mailbox(const MailLocation& location, const StoreSettings& settings,
                              const MailboxName& name);

}  // namespace pennypost::store
