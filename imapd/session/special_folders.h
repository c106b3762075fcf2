// Makes the special folders (Sent, Trash and so on) of a new account: imap_auto_create_special.
//
// STANDARDS  RFC 6154 (special use)
#pragma once

#include <string>
#include <vector>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// Creates and subscribes the folders of `special_uses` (imap_special_use) in an account that no
/// mail program has used yet: nothing was ever subscribed, and it has no other folders. Finishes
/// what an earlier session may have begun. Blocks.
Result<void> make_special_folders(store::MailStore& store,
                                  const std::vector<std::string>& special_uses);

}  // namespace pennypost::imap
