#include "smtpd/scheduler/usage_notice.h"

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/header.h"
#include "smtpd/queue/double_bounce.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/scheduler/error_notice.h"

namespace pennypost::smtp {

NewMessage usage_notice(const OutgoingWarning& warning, const Config& config, const Clock& clock) {
  auto id = make_queue_id(clock);
  auto to = notice_recipient(config.error_notice_recipient, config);
  std::string message_id = "<" + id.value() + "@" + config.myhostname + ">";
  std::string sender = printable(warning.sender, 300);
  bool is_domain = warning.setting.starts_with("outgoing_domain");
  bool counts_recipients = warning.setting.find("recipients") != std::string::npos;
  std::string amount = std::to_string(warning.used);
  amount = counts_recipients ? "mail to " + amount + " recipients" : amount + " messages";
  std::string time = warning.setting.ends_with("hour") ? "the last hour" : "the last 24 hours";
  auto field = [](std::string_view name, const std::string& body) {
    return make_field(name, body, "\n");
  };
  std::string text = field("From", "Mail Delivery System <MAILER-DAEMON@" + config.myorigin + ">");
  text += field("To", "Postmaster <" + to + ">");
  text += field("Subject", config.mail_name + ": " + sender + " sends much mail");
  text += field("Date", format_date(local_date(clock.now_seconds())));
  text += field("Message-ID", message_id);
  text += field("Auto-Submitted", "auto-generated");
  text += "\n" + std::string(is_domain ? "The users of " : "The user ") + sender +
          (is_domain ? " have" : " has") + " sent " + amount + " in " + time + ".\n";
  text += "Beyond " + std::to_string(warning.limit) + " (" + warning.setting +
          ") further mail is refused.\n\n";
  if (!is_domain) {
    text += "If the password was stolen: pennypost user block " + sender +
            " --hold ends this at once\nand holds what is still in the queue; then set a new "
            "password.\n";
  }
  text += "If the mail is wanted: raise " + warning.setting + ", or name the sender in\n" +
          "outgoing_limit_exempt_users.\n";

  NewMessage out(std::move(id), std::move(text), std::move(to), config, clock);
  out.envelope.sender = double_bounce_address(config);
  out.envelope.message_id = std::move(message_id);
  out.envelope.is_8bit = !is_ascii(out.body);
  out.envelope.is_smtputf8 = !is_ascii(out.envelope.recipients[0].address);
  return out;
}

}  // namespace pennypost::smtp
