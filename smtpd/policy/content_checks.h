// Evaluates header_checks, body_checks and their kin: an admin's tables of patterns, and what is
// done with matching headers and lines.
//
// Each field of a header is looked up as it came, its folds included, up to header_size_limit; of a
// body each line, up to content_line_bytes_max at a time. Fields of MIME, and all of a part's
// header, are asked of mime_header_checks; other fields of an attached message of
// nested_header_checks; the rest of header_checks; lines of body_checks. The first table that has
// it names an action, as in Postfix's header_checks(5):
//
//   REJECT [text]      the message is refused with 550 5.7.1; a status code may begin the text
//   DISCARD [text]     it is taken and thrown away
//   PASS [text]        nothing further of this message is looked at
//   HOLD [text]        it waits in the queue until an admin releases it
//   REDIRECT address   it goes to this address in place of its recipients
//   BCC address        it goes to this address as well
//   FILTER transport:destination   it goes through this content filter
//   PREPEND text       this field or line is put above
//   REPLACE text       this field or line takes the place
//   IGNORE             this field or line is removed
//   STRIP [text]       the same, with a line in the log
//   WARN, INFO [text]  a line in the log
//   DUNNO, OK          nothing
//
// REJECT, DISCARD and PASS end the search. For mail that leaves by SMTP there are
// smtp_header_checks and their kin, for LMTP lmtp_header_checks; what is neither an edit nor a line
// in the log, such as REJECT, is too late there and does nothing but warn. The look-ups are made in
// `lookup`, which can read the tables, on threads of their own; the process that has the message
// carries out the actions and logs them.
//
// LIMITS  content_checks_time_max, content_actions_bytes_max, content_blocks_max
// SEE ALSO   ../queue/header_draft.h (the message under edit), ../inbound/content_checks_filter.h,
//            ../../common/mail/mime_scan.h (what there is to look at)
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/log/log.h"
#include "common/mail/header.h"
#include "common/mail/mime_scan.h"
#include "common/process/port.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// How long the look-ups for one message may take in all; the sender is asked to come back when it
/// is longer. A single look-up is bounded by ../../store/maps/pattern_rules.h.
inline constexpr std::chrono::milliseconds content_checks_time_max{5000};
/// The total size of the actions for one message.
inline constexpr std::size_t content_actions_bytes_max = 4 << 20;
/// Of one request.
inline constexpr std::size_t content_blocks_max = 1000;
/// A longer line of a body is looked up in pieces; Postfix's line_length_limit.
inline constexpr std::size_t content_line_bytes_max = 2048;

/// What is checked: mail that comes in, mail that leaves by SMTP or LMTP, or the fields that
/// milters add to mail that comes in.
enum class ContentScope : std::uint8_t { Incoming, Smtp, Lmtp, Milter };
constexpr ContentScope wire_last(ContentScope) { return ContentScope::Milter; }

/// The tables of one scope.
struct ContentTables {
  static ContentTables of(const Settings& settings, ContentScope scope);
  const std::vector<TableRef>& header;
  const std::vector<TableRef>& mime_header;
  const std::vector<TableRef>& nested_header;
  const std::vector<TableRef>& body;
  std::string prefix;  // of the settings' names: `smtp_` of smtp_header_checks

  /// Whether parts of the message matter at all, and not only its own header.
  bool want_parts() const {
    return !(mime_header.empty() && nested_header.empty() && body.empty());
  }
  bool empty() const { return header.empty() && !want_parts(); }
};

/// The right side of an entry in a table of header_checks or body_checks.
struct ContentAction {
  enum class Kind : std::uint8_t {
    Dunno,
    Reject,
    Discard,
    Pass,
    Hold,
    Redirect,
    Bcc,
    Prepend,
    Replace,
    Ignore,
    Strip,
    Warn,
    Info,
    Filter
  };
  friend constexpr Kind wire_last(Kind) { return Kind::Filter; }

  /// Found: with a pattern's groups filled in. Written: as in the table.
  enum class Form { Found, Written };
  /// Of what it is the action: PREPEND and REPLACE want a field, or any line.
  enum class Of { Header, Body };
  /// Error: what is wrong, and what would be right. A `Written` value may contain `$1`; then what
  /// depends on it is not checked.
  static Result<ContentAction> parse(std::string_view value, Of of, Form form = Form::Found);
  /// Error: it can't be done to mail of that scope.
  Result<void> check_scope(ContentScope scope) const;

  Kind kind = Kind::Dunno;
  std::string text;  // Reject: with its status code, `5.7.1 message content rejected`

  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, text);
  }
};

/// Asks `lookup` what the checks say of parts of a message; only asked where some are set. Errors:
/// 451 (a table can't tell now, or takes too long), 552 (the actions are too large).
struct CheckContent {
  static constexpr std::uint16_t type = 112;
  /// What is to be done about one field or line.
  struct Finding {
    std::uint32_t block = 0;   // of the request
    std::uint32_t offset = 0;  // in it
    std::uint32_t bytes = 0;
    ContentAction action;
    template <class Archive>
    void fields(Archive& archive) {
      archive(block, offset, bytes, action);
    }
  };
  struct Findings {
    std::vector<Finding> list;  // in order
    std::uint32_t milliseconds_left = 0;
    template <class Archive>
    void fields(Archive& archive) {
      archive(list, milliseconds_left);
    }
  };
  using Reply = Findings;
  std::string service;  // whose settings count; empty: the host's
  ContentScope scope = ContentScope::Incoming;
  std::vector<MimeBlock> blocks;  // whole fields, or whole lines of a body
  std::uint32_t milliseconds_left = content_checks_time_max.count();
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, scope, blocks, milliseconds_left);
  }
};

/// Error 552: the actions for a message are larger than content_actions_bytes_max.
Error too_many_actions();

/// Looks a field or line up in a table; blocks.
using FindContent =
    std::function<Result<std::optional<std::string>>(const TableRef& table, std::string_view key)>;

/// What is looked up for a field: no blanks before its colon, no line end behind it.
std::string content_key(const HeaderField& field, std::size_t bytes_max);
/// The next line of a body, or the piece of it that is looked up at once, with its line end.
std::string_view take_content_line(std::string_view text);
/// What is looked up for a line: the same without its line end.
std::string_view content_line(std::string_view line);

/// What the setting of that name checks, and in which mail.
struct ContentSetting {
  ContentAction::Of of;
  ContentScope scope;
};
/// Nothing if the setting is none of those.
std::optional<ContentSetting> content_checked_by(std::string_view parameter);
/// Whether `settings` have any such table.
bool has_content_checks(const Settings& settings, ContentScope scope = ContentScope::Incoming);

/// Evaluates `settings`' checks; for a thread of its own. An action that can't be understood is
/// logged, and does nothing.
Result<CheckContent::Findings> check_content(const CheckContent& ask, const Settings& settings,
                                             const FindContent& find);

/// What the findings make of a message.
struct ContentVerdict {
  std::optional<Error> refusal;
  bool is_discarded = false;
  bool is_passed = false;  // nothing further is to be looked at
  bool is_held = false;
  std::optional<std::string> redirect;
  std::optional<std::string> filter;
  std::vector<std::string> bcc;
  std::vector<Edit> header_edits;  // of the block with the message's own fields, in order
  std::vector<Edit> body_edits;    // of the content, in order
  std::uint64_t line_ends = 0;     // how many body_edits take away of those received

  bool has_8bit_edits() const;
};
/// Logs every finding, as lines of `line`'s message; of mail that leaves only its queue id matters.
/// Error 451: `findings` do not fit `blocks`.
Result<ContentVerdict> carry_out(const CheckContent::Findings& findings,
                                 const std::vector<MimeBlock>& blocks, const LogTransaction& line,
                                 ContentScope scope = ContentScope::Incoming);

/// For REDIRECT: only the first recipient is kept, with the new address. As in Postfix, the log and
/// X-Original-To still show the original recipient.
void redirect_all(std::vector<Recipient>& recipients, std::string address);

}  // namespace pennypost::smtp
