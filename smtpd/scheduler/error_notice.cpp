#include "smtpd/scheduler/error_notice.h"

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "smtpd/queue/double_bounce.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/routing/expansion.h"

namespace pennypost::smtp {

std::string notice_recipient(const std::string& setting, const Config& config) {
  auto address = complete_address(setting, config);
  return address ? *std::move(address) : setting;
}

NewMessage error_notice(const PostNotice& notice, const Config& config, const Clock& clock) {
  auto id = make_queue_id(clock);
  auto to = notice_recipient(
      notice.is_bounce ? config.bounce_notice_recipient : config.error_notice_recipient, config);
  std::string message_id = "<" + id.value() + "@" + config.myhostname + ">";
  std::string peer = printable(notice.peer, 300);
  std::string role = printable(notice.role, 20);
  auto field = [](std::string_view name, const std::string& body) {
    return make_field(name, body, "\n");
  };
  std::string text = field("From", "Mail Delivery System <MAILER-DAEMON@" + config.myorigin + ">");
  text += field("To", "Postmaster <" + to + ">");
  text += field("Subject", config.mail_name + " " + role + ": errors from " + peer);
  text += field("Date", format_date(local_date(clock.now_seconds())));
  text += field("Message-ID", message_id);
  text += field("Auto-Submitted", "auto-generated");
  text += "\n";
  if (role != "SMTP server") text += "Unexpected response from " + peer + ".\n\n";
  text += "Transcript of session follows.\n\n" + notice.transcript + "\n";
  if (!notice.reason.empty()) {
    text += "Session aborted, reason: " + printable(notice.reason, 100) + "\n\n";
  }
  text += "For other details, see the local mail logfile\n";

  NewMessage out(std::move(id), std::move(text), std::move(to), config, clock);
  out.envelope.sender = double_bounce_address(config);
  out.envelope.message_id = std::move(message_id);
  out.envelope.is_8bit = !is_ascii(out.body);
  out.envelope.is_smtputf8 = !is_ascii(out.envelope.recipients[0].address);
  return out;
}

}  // namespace pennypost::smtp
