#include "store/filtering/failure_notice.h"

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/header.h"

namespace pennypost::store {
namespace {

std::string printable_lines(std::string_view text) {
  std::string out;
  for (auto line : split(text, '\n')) {
    if (!line.empty()) out += "    " + printable(line, 500) + "\n";
    if (out.size() > failure_text_bytes_max) break;
  }
  return out;
}

}  // namespace

AutomaticReply failure_notice(const Config& config, const Delivery& delivery,
                              const std::string& what, std::int64_t now) {
  AutomaticReply notice;
  notice.recipient = delivery.delivered_to;
  std::string text =
      make_field("From", "Mail Delivery System <MAILER-DAEMON@" + config.myhostname + ">", "\n");
  text += make_field("To", delivery.delivered_to, "\n");
  text += make_field("Subject", "Your mail filter could not be run", "\n");
  text += make_field("Date", format_date(local_date(now)), "\n");
  text +=
      "Auto-Submitted: auto-generated (failure)\n"
      "MIME-Version: 1.0\n"
      "Content-Type: text/plain; charset=utf-8\n"
      "Content-Transfer-Encoding: 8bit\n"
      "\n"
      "This is the mail system at host " +
      config.myhostname +
      ".\n\n"
      "Your Sieve script, which sorts your mail, could not be run to its end for a\n"
      "message to " +
      printable(delivery.delivered_to, 200) + " from <" + printable(delivery.return_path, 200) +
      ">.\nThe message was put into your INBOX, and so will others be until the script is\n"
      "mended. You are told once a day.\n\n"
      "LINE:COLUMN, and what is wrong there:\n\n" +
      printable_lines(what);
  notice.text = with_message_id(config, delivery, 99, text);
  return notice;
}

std::string with_message_id(const Config& config, const Delivery& delivery, std::size_t number,
                            const std::string& text) {
  if (HeaderFields(text).has("Message-ID")) return text;
  return "Message-ID: <" + delivery.queue_id + "." + std::to_string(delivery.recipient_number) +
         "." + std::to_string(number) + ".sieve@" + config.myhostname + ">\n" + text;
}

}  // namespace pennypost::store
