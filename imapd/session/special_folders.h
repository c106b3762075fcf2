// imap_auto_create_special: the folders that an account has from its first login on.
//
// STANDARDS  RFC 6154 (special use)
#pragma once

#include <string>
#include <vector>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// Makes and subscribes the folders of `special_uses` (imap_special_use) in an account that no mail
/// program has used yet: nothing was ever subscribed, and it has no other folders. What a session
/// before began is finished. Blocks.
Result<void> make_special_folders(store::MailStore& store,
                                  const std::vector<std::string>& special_uses);

}  // namespace pennypost::imap
