#include "common/mail/report.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/mail/charset.h"
#include "common/mail/fixups.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost {
namespace {

bool succeeded(DsnAction action) {
  return action != DsnAction::Failed && action != DsnAction::Delayed;
}

/// The worst outcome, which determines the subject.
DsnAction worst(const std::vector<ReportedRecipient>& recipients) {
  auto has = [&](DsnAction action) {
    return std::ranges::any_of(recipients, [&](const auto& one) { return one.action == action; });
  };
  if (has(DsnAction::Failed)) return DsnAction::Failed;
  return has(DsnAction::Delayed) ? DsnAction::Delayed : DsnAction::Delivered;
}

const BounceTemplate& wording(const BounceTemplates& templates, DsnAction action) {
  switch (action) {
    case DsnAction::Failed:
      return templates.failure;
    case DsnAction::Delayed:
      return templates.delay;
    default:
      return templates.success;
  }
}

std::string_view word(DsnAction action) {
  switch (action) {
    case DsnAction::Failed:
      return "failed";
    case DsnAction::Delayed:
      return "delayed";
    case DsnAction::Delivered:
      return "delivered";
    case DsnAction::Relayed:
      return "relayed";
    case DsnAction::Expanded:
      return "expanded";
  }
  return "";
}

std::string_view outcome(DsnAction action) {
  switch (action) {
    case DsnAction::Relayed:
      return "passed on to a host that sends no such reports";
    case DsnAction::Expanded:
      return "delivered to a list or alias";
    default:
      return word(action);
  }
}

/// Wraps text at blanks into lines of `line_bytes`.
std::string wrapped(std::string_view text, std::string_view indent) {
  constexpr std::size_t line_bytes = 76;
  std::string out;
  std::string line(indent);
  for (auto one : words(text, " \t\r\n")) {
    if (line.size() > indent.size() && line.size() + 1 + one.size() > line_bytes) {
      out += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += one;
  }
  return out + line + "\n";
}

class Writer {
 public:
  explicit Writer(const Report& report)
      : report_(report),
        action_(worst(report.recipients)),
        wording_(wording(*report.templates, action_)),
        utf8_(to().needs_smtputf8() ? Utf8::Allowed : Utf8::Refused),
        returned_(returned()) {
    boundary_ = "report." + report.unique;
    while (report.original.find("--" + boundary_) != std::string_view::npos) boundary_ += "x";
  }

  ReportText text() {
    auto people = for_people();
    auto records = for_programs();
    bool global = utf8_ == Utf8::Allowed;
    // The header is written last, when it is known whether anything below is 8-bit.
    std::string parts;
    parts += part("Notification",
                  is_ascii(people) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8",
                  people);
    parts += part("Delivery report",
                  global ? "message/global-delivery-status" : "message/delivery-status", records);
    parts += part(whole_ ? "The message" : "The message's header", returned_type(), returned_);
    parts += lines("--" + boundary_ + "--\n");
    ReportText out;
    out.eight_bit = !is_ascii(parts);
    out.bytes = header(out.eight_bit) + std::move(parts);
    out.smtputf8 = global;
    return out;
  }

 private:
  /// Replaces `\n` by the report's line end.
  std::string lines(std::string_view text) const {
    std::string out;
    for (char c : text) {
      if (c == '\n') {
        out += report_.line_end;
      } else {
        out += c;
      }
    }
    return out;
  }

  std::string field(std::string_view name, std::string_view body) const {
    return make_field(name, body, report_.line_end);
  }

  /// Text from outside, made safe for a field or a line of this report.
  std::string clean(std::string_view text, std::size_t max = diagnostic_bytes_max) const {
    auto shown = printable(guessed_utf8(text), max);
    if (utf8_ == Utf8::Refused) {
      std::ranges::replace_if(
          shown, [](char c) { return !is_ascii(c); }, '?');
    }
    return shown;
  }

  MailAddress shown(const MailAddress& address) const {
    return utf8_ == Utf8::Allowed ? address : address.with_ascii_domain();
  }

  const MailAddress& to() const {
    return report_.postmaster ? *report_.postmaster : report_.sender;
  }

  std::string header(bool eight_bit) const {
    std::string out = field("From", from());
    out += field("To", shown(to()).text());
    bool has_own = report_.postmaster && !wording_.postmaster_subject.empty();
    out += field("Subject", has_own ? wording_.postmaster_subject : wording_.subject);
    out += field("Date", format_date(report_.date));
    out += field("Message-ID", "<" + report_.unique + "@" + report_.reporting_mta + ">");
    out += field("Auto-Submitted", "auto-replied");
    if (report_.is_tls_optional) out += field("TLS-Required", "No");
    out += field("MIME-Version", "1.0");
    out +=
        lines("Content-Type: multipart/report; report-type=" +
              std::string(utf8_ == Utf8::Allowed ? "global-delivery-status" : "delivery-status") +
              ";\n\tboundary=\"" + boundary_ + "\"\n");
    if (eight_bit) out += field("Content-Transfer-Encoding", "8bit");
    return out + lines("\nThis is a report in MIME format.\n\n");
  }

  std::string part(std::string_view description, std::string_view type,
                   std::string_view body) const {
    std::string out = lines("--" + boundary_ + "\n");
    out += field("Content-Description", description);
    out += field("Content-Type", type);
    if (!is_ascii(body)) out += field("Content-Transfer-Encoding", "8bit");
    out.append(report_.line_end).append(body);
    if (!body.ends_with('\n')) out += report_.line_end;
    return out.append(report_.line_end);
  }

  std::string from() const {
    auto address = MailAddress::parse(wording_.from_address, Utf8::Allowed);
    if (address && !address->domain() && report_.from.domain()) {
      address = MailAddress::parse(wording_.from_address + "@" + report_.from.domain()->text(),
                                   Utf8::Allowed);
    }
    const auto& from = address ? *address : report_.from;
    if (wording_.from_name.empty()) return shown(from).text();
    return phrase(wording_.from_name) + " <" + shown(from).text() + ">";
  }

  std::string for_people() const {
    auto of_host = [&](std::string_view) { return report_.reporting_mta; };
    std::string out;
    if (!report_.postmaster) {
      out = fill_in(wording_.text, report_.value ? report_.value : TemplateValue(of_host));
    }
    for (const auto& one : report_.recipients) {
      auto address = recipient_text(one);
      auto what = one.reason.empty() ? one.diagnostic : one.reason;
      out += "\n" + address + ": " + std::string(outcome(one.action)) + "\n";
      if (!what.empty()) out += wrapped(clean(what), "    ");
      if (one.action == DsnAction::Delayed && one.retry_until) {
        out += "    It will be tried until " + format_date(*one.retry_until) + ".\n";
      }
    }
    return lines(out);
  }

  /// An address in the form for people; the text part may have UTF-8 in every report.
  static std::string recipient_text(const ReportedRecipient& one) {
    if (one.recipient.is_null() && one.original) return "<" + one.original->address + ">";
    auto out = one.recipient.path();
    if (one.original && one.original->address != one.recipient.text()) {
      out += " (expanded from <" + one.original->address + ">)";
    }
    return out;
  }

  /// RFC 3464 sections 2.2 and 2.3.
  std::string for_programs() const {
    std::string out = field("Reporting-MTA", "dns; " + report_.reporting_mta);
    if (report_.envid) out += field("Original-Envelope-Id", clean(*report_.envid));
    out += field("X-Pennypost-Queue-ID", report_.queue_id);
    if (!report_.sender.is_null()) {
      out += field("X-Pennypost-Sender", OriginalRecipient::of(report_.sender).field(utf8_));
    }
    out += field("Arrival-Date", format_date(report_.arrival));
    for (const auto& one : report_.recipients) out.append(report_.line_end).append(record(one));
    return out;
  }

  std::string record(const ReportedRecipient& one) const {
    std::string out;
    // RFC 3464 section 2.3.1: Original-Recipient, if there is one, before Final-Recipient.
    bool is_address = !one.recipient.is_null() || !one.original;
    auto final = is_address ? OriginalRecipient::of(one.recipient) : *one.original;
    if (one.original && is_address) out += field("Original-Recipient", one.original->field(utf8_));
    out += field("Final-Recipient", final.field(utf8_));
    out += field("Action", word(one.action));
    out += field("Status", one.status.text());
    if (!one.remote_mta.empty()) out += field("Remote-MTA", "dns; " + clean(one.remote_mta));
    auto diagnostic =
        one.diagnostic.empty() && !succeeded(one.action) ? one.reason : one.diagnostic;
    if (!diagnostic.empty()) {
      auto type = one.diagnostic.empty() ? "x-pennypost" : one.diagnostic_type;
      out += field("Diagnostic-Code", type + "; " + clean(diagnostic));
    }
    if (one.last_attempt) out += field("Last-Attempt-Date", format_date(*one.last_attempt));
    if (one.action == DsnAction::Delayed && one.retry_until) {
      out += field("Will-Retry-Until", format_date(*one.retry_until));
    }
    return out;
  }

  std::string_view returned() {
    whole_ = action_ == DsnAction::Failed && report_.ret != DsnReturn::Headers &&
             crlf_octets(report_.original) <= report_.return_bytes_max;
    if (whole_) return report_.original;
    auto bytes = std::min(header_bytes(report_.original), report_.return_bytes_max);
    auto header = report_.original.substr(0, bytes);
    // A truncated header ends at the end of a line.
    if (bytes < report_.original.size() && !header.ends_with('\n')) {
      header = header.substr(0, header.rfind('\n') + 1);
    }
    return header;
  }

  /// RFC 6533 section 6: UTF-8 in the returned header makes it a global type, whatever the report
  /// is.
  std::string_view returned_type() const {
    bool global = !is_ascii(returned_.substr(0, header_bytes(returned_)));
    if (whole_) return global ? "message/global" : "message/rfc822";
    return global ? "message/global-headers" : "text/rfc822-headers";
  }

  const Report& report_;
  DsnAction action_;
  const BounceTemplate& wording_;
  Utf8 utf8_;
  bool whole_ = false;
  std::string_view returned_;
  std::string boundary_;
};

}  // namespace

ReportText delivery_report(const Report& report) {
  ASSERT((report.postmaster || !report.sender.is_null()) && !report.recipients.empty());
  return Writer(report).text();
}

}  // namespace pennypost
