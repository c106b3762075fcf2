// Parses the arguments of APPEND and REPLACE; the messages themselves stay outside.
//
//   a1 APPEND Sent (\Seen) "01-Jan-2024 00:00:00 +0000" {310}
//                              parse_append: all up to the literal
//    (\Flagged) {120}          parse_append_next: another message
//                              parse_append_next: "" ends the command
//
// REPLACE and UID REPLACE have the message to be replaced before the mailbox, and only one message.
//
// STANDARDS  RFC 9051 section 6.3.12, RFC 3502 (several messages), RFC 8508 (REPLACE)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/date.h"
#include "imapd/grammar/cursor.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

struct AppendMessage {
  std::vector<std::string> flags;
  std::optional<MailDate> internal_date;
  LiteralHeader literal;
};

/// The message that a REPLACE replaces: one number, or `*`.
struct ReplacedMessage {
  SequenceSet number;
  bool is_uid = false;
};

struct AppendRequest {
  std::optional<ReplacedMessage> replaced;
  std::string mailbox;
  AppendMessage message;
};

/// `text` is the command from its tag to the header of the message literal.
Result<AppendRequest> parse_append(std::string_view text, const Limits& limits);
/// `text` is what followed a message; nothing if it is empty.
Result<std::optional<AppendMessage>> parse_append_next(std::string_view text, const Limits& limits);

/// Whether the literal that `text` announces at its end is a message to be stored, and not an
/// argument of some command; `continues`: `text` is what followed a message. 501 where an APPEND is
/// wrong before its literal: what is wrong is told before the message is sent.
Result<bool> announces_message(std::string_view text, bool continues, const Limits& limits);

}  // namespace pennypost::imap
