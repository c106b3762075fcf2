#include "smtpd/reports/report_mail.h"

#include <algorithm>
#include <utility>

#include "common/base/day.h"
#include "common/base/text.h"
#include "common/mail/archive.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t base64_line_octets = 57;  // 76 characters: RFC 2045 section 6.8

std::string base64_lines(std::string_view bytes) {
  std::string lines;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(base64_line_octets, bytes.size()))) {
    lines += base64_encode(bytes.substr(0, base64_line_octets)) + "\n";
  }
  return lines;
}

std::uint64_t messages_in(const DmarcReport& report) {
  std::uint64_t sum = 0;
  for (const auto& row : report.rows) sum += row.count;
  return sum;
}

std::string summary(const DmarcReport& report, const Config& config) {
  auto count = messages_in(report);
  return "This is a DMARC aggregate report (RFC 7489): what " + report.organization + " saw on\n" +
         day_of(report.begin) + " (UTC) of mail in the name of " + report.policy.domain +
         ",\nwhich asks for it in its DMARC record. It covers " + std::to_string(count) +
         (count == 1 ? " message" : " messages") + ".\n\nSent by " + config.mail_name + " on " +
         config.myhostname + ".\n";
}

std::string summary(const TlsReport& report, const std::string& domain, const Config& config) {
  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  for (const auto& one : report.policies) {
    good += one.successes;
    bad += one.failures;
  }
  return "This is a TLS report (RFC 8460): how encryption went in the SMTP sessions of\n" +
         report.organization + " with the mail servers of " + domain + " on\n" +
         day_of(report.begin) + " (UTC). It asks for it at _smtp._tls." + domain + ".\n\n" +
         std::to_string(good) + " sessions were as its policy says, " + std::to_string(bad) +
         " were not.\n\nSent by " + config.mail_name + " on " + config.myhostname + ".\n";
}

/// What is particular to a kind of report.
struct Letter {
  std::string sender;
  std::string subject;
  std::string fields;      // further ones of the header
  std::string type;        // `multipart/mixed`, with its parameters
  std::string summary;     // for people
  std::string attachment;  // its type
  std::string file;        // its name
  std::string content;     // before it is packed
};

std::string field(std::string_view name, const std::string& body) {
  return make_field(name, body, "\n");
}

std::optional<NewMessage> written(QueueId id, const Letter& letter,
                                  const std::vector<ReportTarget>& targets, const Config& config,
                                  const Clock& clock) {
  const std::string message_id = "<" + id.value() + "@" + config.myhostname + ">";
  const std::string boundary = "=_" + id.value();
  const auto packed = base64_lines(gzip(letter.content));
  std::vector<std::string> to;
  for (const auto& target : targets) {
    if (target.bytes_max == 0 || packed.size() <= target.bytes_max) to.push_back(target.address);
  }
  if (to.empty()) return {};

  std::string text = field("From", letter.sender);
  text += field("To", join(to, ", "));
  text += field("Subject", letter.subject);
  text += field("Date", format_date(local_date(clock.now_seconds())));
  text += field("Message-ID", message_id);
  text += field("Auto-Submitted", "auto-generated");
  text += letter.fields;
  text += field("MIME-Version", "1.0");
  text += field("Content-Type", letter.type + "; boundary=\"" + boundary + "\"");
  text += "\n--" + boundary + "\nContent-Type: text/plain; charset=utf-8\n\n";
  text += letter.summary + "\n--" + boundary + "\n";
  text += field("Content-Type", letter.attachment + "; name=\"" + letter.file + "\"");
  text += field("Content-Disposition", "attachment; filename=\"" + letter.file + "\"");
  text += "Content-Transfer-Encoding: base64\n\n" + packed + "\n--" + boundary + "--\n";

  NewMessage made(std::move(id), std::move(text), to.front(), config, clock);
  for (std::size_t i = 1; i < to.size(); ++i) {
    Recipient next;
    next.number = static_cast<std::uint32_t>(i);
    next.address = next.original = to[i];
    made.envelope.recipients.push_back(std::move(next));
  }
  for (auto& recipient : made.envelope.recipients) recipient.notify = notify_never;
  made.envelope.sender = letter.sender;
  made.envelope.message_id = message_id;
  made.envelope.is_8bit = !is_ascii(made.body);
  return made;
}

}  // namespace

void sign_report(DmarcReport& report, const Config& config) {
  report.organization = config.dmarc_report_organization;
  report.email = config.dmarc_report_sender;
  report.report_id = day_of(report.begin) + "." + report.policy.domain + "@" + config.myhostname;
}

void sign_report(TlsReport& report, const std::string& domain, const Config& config) {
  report.organization = config.smtp_tlsrpt_organization;
  report.contact = config.smtp_tlsrpt_sender;
  report.report_id = day_of(report.begin) + "." + domain + "@" + config.myhostname;
}

std::optional<NewMessage> report_mail(QueueId id, const DmarcReport& report,
                                      const std::vector<ReportTarget>& targets,
                                      const Config& config, const Clock& clock) {
  Letter letter;
  letter.sender = config.dmarc_report_sender;
  letter.subject = "Report Domain: " + report.policy.domain + " Submitter: " + config.myhostname +
                   " Report-ID: <" + report.report_id + ">";
  letter.type = "multipart/mixed";
  letter.summary = summary(report, config);
  letter.attachment = "application/gzip";
  letter.file = config.myhostname + "!" + report.policy.domain + "!" +
                std::to_string(report.begin) + "!" + std::to_string(report.end) + ".xml.gz";
  letter.content = dmarc_report_xml(report);
  return written(std::move(id), letter, targets, config, clock);
}

std::optional<NewMessage> tls_report_mail(QueueId id, const TlsReport& report,
                                          const std::string& domain,
                                          const std::vector<ReportTarget>& targets,
                                          const Config& config, const Clock& clock) {
  Letter letter;
  letter.sender = config.smtp_tlsrpt_sender;
  // RFC 8460 section 5.3: the domain of contact-info.
  const std::string submitter = report.contact.substr(report.contact.rfind('@') + 1);
  letter.subject = "Report Domain: " + domain + " Submitter: " + config.myhostname +
                   " Report-ID: <" + report.report_id + ">";
  letter.fields = field("TLS-Report-Domain", domain) + field("TLS-Report-Submitter", submitter) +
                  field("TLS-Required", "No");
  letter.type = "multipart/report; report-type=\"tlsrpt\"";
  letter.summary = summary(report, domain, config);
  letter.attachment = "application/tlsrpt+gzip";
  letter.file = submitter + "!" + domain + "!" + std::to_string(report.begin) + "!" +
                std::to_string(report.end) + ".json.gz";
  letter.content = tls_report_json(report);
  auto made = written(std::move(id), letter, targets, config, clock);
  if (made) made->envelope.is_tls_optional = true;
  return made;
}

}  // namespace pennypost::smtp
