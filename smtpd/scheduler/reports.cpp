#include "smtpd/scheduler/reports.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/report.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/scheduler/report_templates.h"
#include "smtpd/scheduler/retry.h"

namespace pennypost::smtp {
namespace {

enum class Kind { Failure, Delay, Success };

struct Due {
  std::uint32_t number;
  DsnAction action;
};
/// Who gets a report, and of which kind. A list's owner may also be the sender, who then gets two.
struct About {
  std::string sender;
  bool is_list_owner;
  Kind kind;
  friend auto operator<=>(const About&, const About&) = default;
};
using DueReports = std::map<About, std::vector<Due>>;

std::string log_kind(Kind kind) {
  if (kind == Kind::Failure) return "non-delivery";
  return kind == Kind::Delay ? "delay" : "delivery status";
}

Kind kind_of(ReportDue due) {
  return due == ReportDue::Failed || due == ReportDue::Expired ? Kind::Failure : Kind::Success;
}

DsnAction action_of(ReportDue due) {
  switch (due) {
    case ReportDue::Delivered:
      return DsnAction::Delivered;
    case ReportDue::Relayed:
      return DsnAction::Relayed;
    case ReportDue::Expanded:
      return DsnAction::Expanded;
    default:
      return DsnAction::Failed;
  }
}

bool wants_delay(const RecipientRecord& entry) {
  return entry.state == RecipientState::Pending &&
         wants_report(entry.recipient.notify, notify_delay);
}

/// Who gets a recipient's reports.
std::string reported_to(const QueuedMessage& message, const Recipient& recipient,
                        const Config& config) {
  return config.disable_verp_bounces ? message.plain_sender_of(recipient)
                                     : message.sender_of(recipient);
}

DueReports collect(const QueuedMessage& message, bool is_delay_due, const Config& config) {
  DueReports due;
  for (const auto& [number, entry] : message.recipients()) {
    About about{reported_to(message, entry.recipient, config), entry.recipient.has_own_sender,
                Kind::Delay};
    if (entry.report != ReportDue::None) {
      about.kind = kind_of(entry.report);
      due[about].push_back({number, action_of(entry.report)});
    } else if (is_delay_due && wants_delay(entry)) {
      due[about].push_back({number, DsnAction::Delayed});
    }
  }
  return due;
}

MailAddress address_or_null(const std::string& text) {
  auto address = MailAddress::parse(text, Utf8::Allowed);
  return address ? *address : MailAddress();
}

/// Whether this is double_bounce_sender of this host, whose mail must not bounce again.
bool is_double_bounce(const MailAddress& address, const Config& config) {
  if (!equal_nocase(address.local(), config.double_bounce_sender) || !address.domain())
    return false;
  std::string domain = address.domain()->key();
  return equal_nocase(domain, config.myorigin) || equal_nocase(domain, config.myhostname);
}

std::optional<OriginalRecipient> original_of(const Recipient& recipient) {
  if (!recipient.orcpt.empty()) {
    auto type_end = recipient.orcpt.find(';');
    if (type_end != std::string::npos) {
      OriginalRecipient original;
      original.type = recipient.orcpt.substr(0, type_end);
      original.address = recipient.orcpt.substr(type_end + 1);
      return original;
    }
  }
  auto address = address_or_null(recipient.original);
  if (address.is_null() || recipient.original == recipient.served_address()) return std::nullopt;
  return OriginalRecipient::of(address);
}

ReportedRecipient reported(const RecipientRecord& entry, DsnAction action,
                           std::int64_t retry_until) {
  ReportedRecipient out;
  // For a command or file, the report names the alias that leads to it, which the sender knows.
  out.recipient = address_or_null(entry.recipient.served_address());
  out.original = original_of(entry.recipient);
  if (out.recipient.is_null() && !out.original) {  // not an address; the sender must know which
    out.original = OriginalRecipient{"rfc822", printable(entry.recipient.served_address(), 256)};
  }
  out.action = action;
  if (auto status = EnhancedStatus::parse(entry.status)) out.status = *status;
  out.reason = entry.reason;
  out.remote_mta = entry.remote_mta;
  out.diagnostic = entry.diagnostic.empty() ? entry.reason : entry.diagnostic;
  out.diagnostic_type = entry.diagnostic.empty() ? "x-pennypost" : "smtp";
  if (entry.last_attempt > 0) out.last_attempt = local_date(entry.last_attempt);
  if (action == DsnAction::Delayed) out.retry_until = local_date(retry_until);
  return out;
}

}  // namespace

bool has_reports(const QueuedMessage& message, bool is_delay_due) {
  return std::ranges::any_of(message.recipients(), [&](const auto& entry) {
    return entry.second.report != ReportDue::None || (is_delay_due && wants_delay(entry.second));
  });
}

std::uint64_t original_bytes_needed(const Config& config, const Envelope& envelope) {
  std::uint64_t whole = std::min(config.bounce_size_limit, report_original_bytes_max);
  return envelope.octets() <= whole ? whole : std::max(whole + 1, report_header_bytes_max);
}

std::vector<NewMessage> take_reports(QueuedMessage& message, bool is_delay_due,
                                     const std::string& original, std::int64_t retry_until,
                                     const Config& config, const BounceTemplates& templates,
                                     const Clock& clock) {
  std::vector<NewMessage> reports;
  for (const auto& [about, due] : collect(message, is_delay_due, config)) {
    auto to = address_or_null(about.sender);
    if (to.is_null() || is_double_bounce(to, config)) {
      if (about.kind == Kind::Failure) {
        log_info("bounce",
                 message.id().value() +
                     ": undeliverable notification discarded: its sender gets no reports");
      }
      for (const auto& one : due) message.change(one.number).report = ReportDue::None;
      continue;
    }
    Report report;
    report.sender = to;
    report.from = address_or_null("MAILER-DAEMON@" + config.myorigin);
    report.reporting_mta = config.myhostname;
    report.queue_id = message.id().value();
    auto id = make_queue_id(clock);
    report.unique = id.value();
    report.date = local_date(clock.now_seconds());
    report.arrival = local_date(message.envelope().arrival / 1'000'000);
    // ENVID and RET are for the sender, not for the owner of a list.
    if (!about.is_list_owner) {
      if (!message.envelope().envid.empty()) report.envid = message.envelope().envid;
      if (message.envelope().ret == Ret::Full) report.ret = DsnReturn::Full;
      if (message.envelope().ret == Ret::Headers) report.ret = DsnReturn::Headers;
    }
    for (const auto& one : due) {
      report.recipients.push_back(reported(message.recipient(one.number), one.action, retry_until));
      if (about.kind != Kind::Delay) message.change(one.number).report = ReportDue::None;
    }
    report.original = original;
    report.return_bytes_max = std::min(config.bounce_size_limit, report_original_bytes_max);
    report.line_end = "\n";
    report.templates = &templates;
    report.value = [&](std::string_view name) { return report_value(config, name); };
    auto text = delivery_report(report);

    NewMessage out(std::move(id), std::move(text.bytes), to.text(), config, clock);
    out.kind = log_kind(about.kind);
    out.envelope.is_smtputf8 = text.smtputf8;
    out.envelope.is_8bit = text.eight_bit;
    out.envelope.message_id = "<" + out.envelope.id.value() + "@" + config.myhostname + ">";
    out.envelope.recipients[0].notify = notify_never;  // RFC 3461 section 6.1
    reports.push_back(std::move(out));
  }
  return reports;
}

}  // namespace pennypost::smtp
