#include "smtpd/scheduler/reports.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/text.h"
#include "common/config/notify_classes.h"
#include "common/log/log.h"
#include "common/mail/report.h"
#include "smtpd/queue/double_bounce.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/scheduler/error_notice.h"
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

std::optional<OriginalRecipient> original_of(const Recipient& recipient, const Config& config) {
  if (!recipient.orcpt.empty()) {
    auto type_end = recipient.orcpt.find(';');
    if (type_end != std::string::npos) {
      OriginalRecipient original;
      original.type = recipient.orcpt.substr(0, type_end);
      original.address = recipient.orcpt.substr(type_end + 1);
      return original;
    }
  }
  if (!config.enable_original_recipient) return std::nullopt;
  auto address = address_or_null(recipient.original);
  if (address.is_null() || recipient.original == recipient.served_address()) return std::nullopt;
  return OriginalRecipient::of(address);
}

ReportedRecipient reported(const RecipientRecord& entry, DsnAction action, std::int64_t retry_until,
                           const Config& config) {
  ReportedRecipient out;
  // For a command or file, the report names the alias that leads to it, which the sender knows.
  out.recipient = address_or_null(entry.recipient.served_address());
  out.original = original_of(entry.recipient, config);
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

/// Writes the mails about one sender's recipients.
class ReportWriter {
 public:
  /// All must outlive it.
  ReportWriter(const QueuedMessage& message, const About& about, const std::string& original,
               const Config& config, const BounceTemplates& templates, const Clock& clock)
      : about_(about), config_(config), clock_(clock) {
    const Envelope& envelope = message.envelope();
    report_.sender = address_or_null(about.sender);
    report_.from = address_or_null("MAILER-DAEMON@" + config.myorigin);
    report_.reporting_mta = config.myhostname;
    report_.queue_id = message.id().value();
    report_.date = local_date(clock.now_seconds());
    report_.arrival = local_date(envelope.arrival / 1'000'000);
    // ENVID and RET are for the sender, not for the owner of a list.
    if (!about.is_list_owner) {
      if (!envelope.envid.empty()) report_.envid = envelope.envid;
      if (envelope.ret == Ret::Full) report_.ret = DsnReturn::Full;
      if (envelope.ret == Ret::Headers) report_.ret = DsnReturn::Headers;
    }
    // RFC 8689 section 5: RET=FULL is disregarded.
    returns_content_ = !envelope.requires_tls;
    requires_tls_ = envelope.requires_tls && !config.requiretls_redact_dsn;
    if (!returns_content_) report_.ret = DsnReturn::Headers;
    report_.is_tls_optional = envelope.forgoes_tls();
    report_.original = original;
    report_.return_bytes_max = std::min(config.bounce_size_limit, report_original_bytes_max);
    report_.line_end = "\n";
    report_.templates = &templates;
    report_.value = [&](std::string_view name) { return report_value(config, name); };
  }

  void add(ReportedRecipient recipient) { report_.recipients.push_back(std::move(recipient)); }

  NewMessage to_sender() { return written(report_, report_.sender.text(), "sender"); }

  /// The copy that notify_classes asks for, if any: of a message that bounces or is late its
  /// header, of a report that bounces all, since nobody else will see it.
  std::optional<NewMessage> to_postmaster() {
    ErrorClasses classes(config_.notify_classes);
    bool is_failure = about_.kind == Kind::Failure;
    bool is_lost = is_failure && report_.sender.is_null();
    bool is_told = about_.kind == Kind::Delay ? classes.has(ErrorClass::Delay)
                                              : is_failure && classes.has(ErrorClass::Bounce);
    is_told = is_told || (is_lost && classes.has(ErrorClass::DoubleBounce));
    if (!is_told) return std::nullopt;
    const std::string& setting = about_.kind == Kind::Delay ? config_.delay_notice_recipient
                                 : is_lost                  ? config_._2bounce_notice_recipient
                                                            : config_.bounce_notice_recipient;
    std::string to = notice_recipient(setting, config_);
    Report copy = report_;
    copy.postmaster = address_or_null(to);
    copy.ret = is_lost && returns_content_ ? DsnReturn::Full : DsnReturn::Headers;
    auto made = written(copy, std::move(to), "postmaster");
    made.envelope.sender = double_bounce_address(config_);
    return made;
  }

 private:
  NewMessage written(Report& report, std::string to, std::string reader) const {
    auto id = make_queue_id(clock_);
    report.unique = id.value();
    auto text = delivery_report(report);
    NewMessage out(std::move(id), std::move(text.bytes), std::move(to), config_, clock_);
    out.kind = log_kind(about_.kind);
    out.reader = std::move(reader);
    out.envelope.is_smtputf8 = text.smtputf8;
    out.envelope.requires_tls = requires_tls_;
    out.envelope.is_tls_optional = report.is_tls_optional;
    out.envelope.is_8bit = text.eight_bit;
    out.envelope.message_id = "<" + out.envelope.id.value() + "@" + config_.myhostname + ">";
    out.envelope.recipients[0].notify = notify_never;  // RFC 3461 section 6.1
    return out;
  }

  const About& about_;
  const Config& config_;
  const Clock& clock_;
  Report report_;
  bool returns_content_ = true;
  bool requires_tls_ = false;
};

}  // namespace

bool is_failure_told(const Config& config, const std::string& sender, std::uint8_t notify) {
  if (wants_report(notify, notify_failure)) return true;
  ErrorClasses classes(config.notify_classes);
  return sender.empty() &&
         (classes.has(ErrorClass::Bounce) || classes.has(ErrorClass::DoubleBounce));
}

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
    ReportWriter writer(message, about, original, config, templates, clock);
    for (const auto& one : due) {
      writer.add(reported(message.recipient(one.number), one.action, retry_until, config));
      if (about.kind != Kind::Delay) message.change(one.number).report = ReportDue::None;
    }
    auto to = address_or_null(about.sender);
    bool has_reader = !to.is_null() && !is_double_bounce(to, config);
    if (has_reader) reports.push_back(writer.to_sender());
    auto copy = is_double_bounce(to, config) ? std::nullopt : writer.to_postmaster();
    bool is_lost = !has_reader && !copy && about.kind == Kind::Failure;
    if (copy) reports.push_back(*std::move(copy));
    if (is_lost) {
      log_info("bounce", message.id().value() +
                             ": undeliverable notification discarded: its sender gets no reports");
    }
  }
  return reports;
}

}  // namespace pennypost::smtp
