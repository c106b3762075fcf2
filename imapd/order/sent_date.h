// Says when a message was sent, as SORT and THREAD compare it.
//
// STANDARDS  RFC 5256 section 2.2
#pragma once

#include <cstdint>
#include <string_view>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// The Date field of `header` in seconds since 1970; INTERNALDATE if there is none that can be
/// read. Errors are the store's.
Result<std::int64_t> sent_date(store::Mailbox& mailbox, store::Uid uid, std::string_view header);

}  // namespace pennypost::imap
