// The format of the files in maildrop, which hold mail until the queue runs again.
//
//   file     = "PDROP2\n" length32 envelope message
//   length32 = size of the envelope, little-endian
//   envelope = a LocalSubmission, encoded by wire.h
//
// "PDROP1\n", of an earlier version, is followed by an envelope without a variable return path.
//
// sendmail writes a file to postdrop's standard input; postdrop checks it and stores it as
// QUEUE_DIRECTORY/maildrop/NAME, where NAME has the form of a queue id; `queue` picks it up.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

/// The largest encoded envelope of a drop file.
inline constexpr std::size_t submission_bytes_max = control_bytes_max;
/// The longest address or other text of an envelope, and the most recipients.
inline constexpr std::size_t submission_text_bytes_max = 2048;
inline constexpr std::size_t submission_recipients_max = 50'000;

/// What precedes the message in a drop file.
std::string drop_head(const LocalSubmission& submission);

struct DropHead {
  LocalSubmission submission;
  std::size_t bytes = 0;  // the size of the head; the message follows
};
/// Parses the head at the front of `bytes`, which must contain all of it. Error 501: not a drop
/// file.
Result<DropHead> parse_drop_head(std::string_view bytes);

/// Checks sizes, that there are recipients, and that no text has control characters. Error 501 with
/// the reason.
Result<void> check_submission(const LocalSubmission& submission);

}  // namespace pennypost::smtp
