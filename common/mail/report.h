// Writes the delivery report that tells a sender what happened to a message's recipients.
//
// A report is a multipart/report of three parts: text for people, one record per recipient for
// programs, and the message or its header. The subject follows from the worst outcome: failed
// before delayed before success. It is SMTPUTF8 mail only if the sender's address needs that;
// otherwise UTF-8 addresses are written in RFC 6533's ASCII form, so that a sender with an ASCII
// address is always reached. Reports are sent from `<>`, and none is sent to `<>` (RFC 5321 section
// 6.1).
//
// STANDARDS  RFC 3462 and 6522 (multipart/report), RFC 3464 (message/delivery-status), RFC 6533
//            (message/global-*), RFC 3834 (Auto-Submitted), RFC 3461 section 6 (what is returned),
//            RFC 8689 section 5 (TLS-Required)
// SEE ALSO   status.h, bounce_template.h (the words of it that an administrator may replace)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/address.h"
#include "common/mail/bounce_template.h"
#include "common/mail/date.h"
#include "common/mail/status.h"

namespace pennypost {

constexpr std::size_t diagnostic_bytes_max = 4096;  // of one recipient's

/// One recipient's outcome.
struct ReportedRecipient {
  MailAddress recipient;  // where delivery was tried; null: only `original` is known
  std::optional<OriginalRecipient> original;  // ORCPT, or what it was before aliases
  DsnAction action = DsnAction::Failed;
  EnhancedStatus status;
  std::string reason;                    // for people, as in the log
  std::string remote_mta;                // the host that replied; empty: none
  std::string diagnostic;                // its reply: "550 5.1.1 No such user"
  std::string diagnostic_type = "smtp";  // `smtp`, or `x-pennypost` for our own words
  std::optional<MailDate> last_attempt;
  std::optional<MailDate> retry_until;  // if delayed
};

struct Report {
  MailAddress sender;         // of the message, who gets the report; null only with `postmaster`
  MailAddress from;           // MAILER-DAEMON@myorigin; its domain completes a template's address
  std::string reporting_mta;  // myhostname
  std::string queue_id;       // of the message
  std::string unique;         // for Message-ID and boundary: letters, digits, dots
  MailDate date;              // now
  MailDate arrival;           // of the message
  /// Who gets a copy in the sender's place: with its own subject, and without the text for senders.
  std::optional<MailAddress> postmaster;
  std::optional<std::string> envid;
  bool is_tls_optional = false;  // it says TLS-Required: No, as the original does
  DsnReturn ret = DsnReturn::Unset;
  std::vector<ReportedRecipient> recipients;  // at least one
  std::string_view original;                  // the message as stored
  std::size_t return_bytes_max = 50'000;  // bounce_size_limit, with CRLF; larger: its header only
  std::string_view line_end = "\r\n";
  const BounceTemplates* templates = &built_in_templates();
  TemplateValue value;  // of a setting that a template names; without it, of myhostname
};

struct ReportText {
  std::string bytes;       // the whole message, with `line_end`
  bool smtputf8 = false;   // MAIL needs SMTPUTF8
  bool eight_bit = false;  // MAIL needs BODY=8BITMIME
};

/// The report as a message. It returns the whole original if a recipient failed, RET is not HDRS,
/// and it is not too large; else its header (RFC 3461 section 6.2: a success or delay never needs
/// it).
ReportText delivery_report(const Report& report);

}  // namespace pennypost
