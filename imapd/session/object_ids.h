// Gives messages the ids by which clients know them again in another mailbox.
//
// An EMAILID is made of what of a message never changes: its octets, and its INTERNALDATE. So a
// copy, which keeps both, has the same, also if another program has made it, and nothing has to be
// kept but a value in the index that saves reading the message again.
//
// STANDARDS  RFC 8474 section 5.1
#pragma once

#include <string>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// `M` and 40 hexadecimal digits. Reads the whole message the first time, a piece at a time, and
/// adds what it reads to `work_octets`. Errors are the store's.
Result<std::string> email_id(store::Mailbox& mailbox, store::Uid uid, std::uint64_t& work_octets);

}  // namespace pennypost::imap
