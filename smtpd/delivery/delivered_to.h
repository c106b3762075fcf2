// Detects mail that comes back: a message that was delivered to an address bears its name.
//
// STANDARDS  RFC 5321 section 6.3 (loops)
#pragma once

#include <string>

#include "store/mailbox/message.h"

namespace pennypost::smtp {

/// Whether the message has a Delivered-To: with this address. A message that can't be read has
/// none.
bool is_delivered_to(const store::Pieces& pieces, const std::string& address);

}  // namespace pennypost::smtp
