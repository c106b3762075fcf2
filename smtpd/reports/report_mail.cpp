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

}  // namespace

void sign_report(DmarcReport& report, const Config& config) {
  report.organization = config.dmarc_report_organization;
  report.email = config.dmarc_report_sender;
  report.report_id = day_of(report.begin) + "." + report.policy.domain + "@" + config.myhostname;
}

std::optional<NewMessage> report_mail(QueueId id, const DmarcReport& report,
                                      const std::vector<ReportTarget>& targets,
                                      const Config& config, const Clock& clock) {
  const std::string message_id = "<" + id.value() + "@" + config.myhostname + ">";
  const std::string boundary = "=_" + id.value();
  const auto file = config.myhostname + "!" + report.policy.domain + "!" +
                    std::to_string(report.begin) + "!" + std::to_string(report.end) + ".xml.gz";
  const auto packed = base64_lines(gzip(dmarc_report_xml(report)));
  std::vector<std::string> to;
  for (const auto& target : targets) {
    if (target.bytes_max == 0 || packed.size() <= target.bytes_max) to.push_back(target.address);
  }
  if (to.empty()) return {};

  auto field = [](std::string_view name, const std::string& body) {
    return make_field(name, body, "\n");
  };
  std::string text = field("From", config.dmarc_report_sender);
  text += field("To", join(to, ", "));
  text += field("Subject", "Report Domain: " + report.policy.domain + " Submitter: " +
                               config.myhostname + " Report-ID: <" + report.report_id + ">");
  text += field("Date", format_date(local_date(clock.now_seconds())));
  text += field("Message-ID", message_id);
  text += field("Auto-Submitted", "auto-generated");
  text += field("MIME-Version", "1.0");
  text += field("Content-Type", "multipart/mixed; boundary=\"" + boundary + "\"");
  text += "\n--" + boundary + "\nContent-Type: text/plain; charset=utf-8\n\n";
  text += summary(report, config) + "\n--" + boundary + "\n";
  text += field("Content-Type", "application/gzip; name=\"" + file + "\"");
  text += field("Content-Disposition", "attachment; filename=\"" + file + "\"");
  text += "Content-Transfer-Encoding: base64\n\n" + packed + "\n--" + boundary + "--\n";

  NewMessage made(std::move(id), std::move(text), to.front(), config, clock);
  for (std::size_t i = 1; i < to.size(); ++i) {
    Recipient next;
    next.number = static_cast<std::uint32_t>(i);
    next.address = next.original = to[i];
    made.envelope.recipients.push_back(std::move(next));
  }
  for (auto& recipient : made.envelope.recipients) recipient.notify = notify_never;
  made.envelope.sender = config.dmarc_report_sender;
  made.envelope.message_id = message_id;
  made.envelope.is_8bit = !is_ascii(made.body);
  return made;
}

}  // namespace pennypost::smtp
