// Parses the text of APPEND and REPLACE; the messages themselves stay outside.
//
//   a1 APPEND Sent (\Seen) "01-Jan-2024 00:00:00 +0000" {310}
//                                  parse_append: all up to the literal
//    (\Flagged) {120}              parse_append_next: another message
//    CATENATE (URL "/Drafts;UIDVALIDITY=3/;UID=20" TEXT {42}
//                                  parse_append_next: a message in parts, up to the first that is
//                                  a literal
//    URL ";UID=7")                 parse_append_next: the rest of its parts
//                                  parse_append_next: "" ends the command
//
// What a text asks for is told as steps, in their order; the octets of a literal come behind the
// last one. REPLACE and UID REPLACE have the message to be replaced before the mailbox, and only
// one message.
//
// STANDARDS  RFC 9051 section 6.3.12, RFC 3502 (several messages), RFC 8508 (REPLACE), RFC 4469
//            (CATENATE), RFC 6855 section 4 (UTF8)
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

struct AppendStep {
  enum class Kind {
    /// A message, with its flags and date.
    Begin,
    /// A part of it, which `url` names.
    Url,
    /// The message itself, or a part of it, of which only the header is here.
    Literal,
    /// All parts of the message have come. A message that is one literal ends with that.
    End,
  };
  Kind kind = Kind::Begin;
  std::vector<std::string> flags;
  std::optional<MailDate> internal_date;
  std::string url;
  LiteralHeader literal;
  /// The literal stands in `UTF8 (…)`.
  bool is_utf8 = false;
};

/// Where in an APPEND a text begins or ends.
struct AppendPlace {
  /// Within the parentheses of CATENATE.
  bool in_parts = false;
  /// Behind the literal of `UTF8 (`.
  bool in_utf8 = false;

  /// More of the same message follows.
  bool is_within_message() const { return in_parts || in_utf8; }
};

struct AppendSteps {
  std::vector<AppendStep> steps;
  /// Where the text behind the literal begins; without a literal, the end of the command.
  AppendPlace place;

  bool ends_with_literal() const {
    return !steps.empty() && steps.back().kind == AppendStep::Kind::Literal;
  }
};

/// The message that a REPLACE replaces: one number, or `*`.
struct ReplacedMessage {
  SequenceSet number;
  bool is_uid = false;
};

struct AppendRequest {
  std::optional<ReplacedMessage> replaced;
  std::string mailbox;
  AppendSteps message;
};

/// `text` is the command from its tag to the header of a literal, or to its end.
Result<AppendRequest> parse_append(std::string_view text, const Limits& limits);
/// `text` is what followed a literal, which stood at `place`; no steps if it is empty.
Result<AppendSteps> parse_append_next(std::string_view text, AppendPlace place,
                                      const Limits& limits);

/// What the literal is that a text announces at its end.
struct AnnouncedLiteral {
  /// Octets of a message to be stored, and not an argument of some command.
  bool is_message = false;
  AppendPlace place = {};
};
/// `place` is where the text begins, if it is what followed such a literal. 501 where an APPEND is
/// wrong before its literal: what is wrong is told before the message is sent.
Result<AnnouncedLiteral> announced_literal(std::string_view text,
                                           const std::optional<AppendPlace>& place,
                                           const Limits& limits);

}  // namespace pennypost::imap
