// Evaluates header_checks: tables of patterns for header fields, and actions for fields that match.
//
// Each field of a message's header is looked up as received, including its folds, up to
// header_size_limit; the first table that matches gives the action, as in Postfix's
// header_checks(5):
//
//   REJECT [text]      the message is refused with 550 5.7.1; a status code may begin the text
//   DISCARD [text]     it is taken and thrown away
//   HOLD [text]        it waits in the queue until an admin releases it
//   REDIRECT address   it goes to this address in place of its recipients
//   PREPEND field      the field is put above this one
//   REPLACE field      the field takes the place of this one
//   IGNORE             this field is removed
//   WARN, INFO [text]  a line in the log
//   DUNNO, OK          nothing
//
// REJECT and DISCARD end the search. The look-ups are made in `lookup`, which can read the tables,
// on a thread of the pool; the process that has the message carries out the actions and logs them.
//
// LIMITS  header_checks_time_max, header_actions_bytes_max
// SEE ALSO   ../queue/header_draft.h (the header under edit), ../inbound/header_filter.h
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
#include "common/process/port.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// How long all look-ups for one message may take; the sender is asked to come back when it is
/// longer. A single look-up is bounded by ../../store/maps/pattern_rules.h.
inline constexpr std::chrono::seconds header_checks_time_max{5};
/// The total size of the actions for one message.
inline constexpr std::size_t header_actions_bytes_max = 4 << 20;

/// The right side of an entry in a table of header_checks.
struct HeaderAction {
  enum class Kind : std::uint8_t {
    Dunno,
    Reject,
    Discard,
    Hold,
    Redirect,
    Prepend,
    Replace,
    Ignore,
    Warn,
    Info
  };
  friend constexpr Kind wire_last(Kind) { return Kind::Info; }

  /// Found: with a pattern's groups filled in. Written: as in the table.
  enum class Form { Found, Written };
  /// Error: what is wrong, and what would be right. A `Written` value may contain `$1`; then what
  /// depends on it is not checked.
  static Result<HeaderAction> parse(std::string_view value, Form form = Form::Found);

  Kind kind = Kind::Dunno;
  std::string text;  // Reject: begins with a status code, `5.7.1 message content rejected`

  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, text);
  }
};

/// Asks `lookup` to evaluate header_checks; only sent if they are set. Errors: 451 (a table can't
/// be read now, or takes too long), 552 (the actions are too large).
struct CheckHeader {
  static constexpr std::uint16_t type = 112;
  /// The action for one field.
  struct Finding {
    std::uint32_t offset = 0;  // where the field begins
    std::uint32_t bytes = 0;
    HeaderAction action;
    template <class Archive>
    void fields(Archive& archive) {
      archive(offset, bytes, action);
    }
  };
  struct Findings {
    std::vector<Finding> list;  // in order of offset
    template <class Archive>
    void fields(Archive& archive) {
      archive(list);
    }
  };
  using Reply = Findings;
  std::string service;  // whose settings apply; empty: those of the host
  std::string header;   // complete fields with LF line ends
  template <class Archive>
  void fields(Archive& archive) {
    archive(service, header);
  }
};

/// Looks a header up in a table; blocks.
using FindHeader =
    std::function<Result<std::optional<std::string>>(const TableRef& table, std::string_view key)>;

/// Evaluates the header_checks of `settings`; for a thread. An action that can't be understood is
/// logged and has no effect.
Result<CheckHeader::Findings> check_header(std::string_view header, const Settings& settings,
                                           const FindHeader& find);

/// What the actions mean for a message.
struct HeaderVerdict {
  std::optional<Error> refusal;
  bool is_discarded = false;
  bool is_held = false;
  std::optional<std::string> redirect;
  std::vector<Edit> edits;  // of the header, in order of offset
};
/// Carries out the findings and logs each as a line about `line`'s message. Error 451: `findings`
/// does not fit `header`.
Result<HeaderVerdict> carry_out(const CheckHeader::Findings& findings, std::string_view header,
                                const LogTransaction& line);

/// For REDIRECT: only the first recipient is kept, with the new address. As in Postfix, the log and
/// X-Original-To still show the original recipient.
void redirect_all(std::vector<Recipient>& recipients, std::string address);

}  // namespace pennypost::smtp
