// Finds the file of a message in a user's mailbox, by its Message-ID.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "store/mailbox/location.h"

namespace pennypost::smtp {

inline constexpr std::size_t searched_folders_max = 1000;

/// The last bytes of a file, at most `bytes`; empty if it can't be read, or is none. A link is not
/// followed, and a FIFO not waited for: the file may be a user's.
std::string tail_of(const std::string& path, std::uint64_t bytes);

/// Where the mail of a login lies; nothing if there is no such account.
std::optional<store::MailLocation> mailbox_of(const std::shared_ptr<const Config>& config,
                                              const std::string& login);

/// The file in which the message lies: of a Maildir in any folder, if it came after `since`
/// (seconds since 1970) by its name; of mboxes INBOX, in its last part. Empty if it is in none.
std::string find_in_mailbox(const store::MailLocation& location, const std::string& message_id,
                            std::int64_t since);

}  // namespace pennypost::smtp
