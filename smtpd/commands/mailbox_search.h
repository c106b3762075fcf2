// Reads a user's mailbox without changing it: finds a message by its Message-ID, or goes through
// all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/config.h"
#include "store/mailbox/location.h"

namespace pennypost::smtp {

inline constexpr std::size_t searched_folders_max = 1000;
inline constexpr std::size_t read_message_bytes_max = 64 << 20;  // a larger one is passed over
inline constexpr std::size_t read_messages_max = 1'000'000;      // of an mbox

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

/// What is done with the messages of a mailbox.
struct MessageReading {
  std::function<bool(std::string_view header)> wants;
  std::function<void(const std::string& path, std::string_view message)> use;
};
/// Uses the messages that came after `since` and are wanted by their header; of mboxes those in
/// INBOX. A message that is removed meanwhile is passed over. Error: the mailbox can't be read.
Result<void> read_mailbox(const store::MailLocation& location, std::int64_t since,
                          const MessageReading& reading);

}  // namespace pennypost::smtp
