// Reads whole messages for commands that show them or take them elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// A larger message is refused: commands hold one at a time in memory.
inline constexpr std::uint64_t admin_message_octets_max = 1 << 30;

/// With CRLF line ends. Error 451 Limit: it is larger than that; others are the store's.
Result<std::string> whole_message(store::Mailbox& mailbox, store::Uid uid);
/// CRLF becomes LF, as mail is stored.
std::string with_line_feeds(std::string_view text);

}  // namespace pennypost::imap
