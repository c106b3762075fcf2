// The format of the files in maildrop, in which mail waits that no queue was there to take.
//
//   file = "PDROP1\n" length32 posting message       the posting in wire.h's form, little-endian
//
// sendmail writes it to postdrop's standard input, postdrop checks it and stores it as
// QUEUE_DIRECTORY/maildrop/NAME, where NAME has a queue id's form; `queue` takes it in.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

/// A posting in a drop file may be this long.
inline constexpr std::size_t posting_bytes_max = control_bytes_max;
/// Addresses and other texts of a posting, and how many recipients it may have.
inline constexpr std::size_t posting_text_bytes_max = 2048;
inline constexpr std::size_t posting_recipients_max = 50'000;

/// What stands before the message.
std::string drop_head(const Posting& posting);

struct DropHead {
  Posting posting;
  std::size_t bytes = 0;  // of the head; the message follows
};
/// Parses the head at the front of `bytes`, which hold all of it. Error 501: not a drop file.
Result<DropHead> parse_drop_head(std::string_view bytes);

/// Whether a posting is one that the queue may look at: sizes, no control characters, recipients.
/// Error 501 with the reason.
Result<void> check_posting(const Posting& posting);

}  // namespace pennypost::smtp
