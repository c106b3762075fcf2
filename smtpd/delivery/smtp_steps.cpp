// SmtpClient's mail transaction command by command, for a client of ours who hears the answers.
//
// SEE ALSO   ../inbound/proxy_mail.h (the caller), smtp_transaction.cpp (as a whole)
#include "common/base/text.h"
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/delivery/smtp_mail.h"

namespace pennypost::smtp {

Task<Result<SmtpReply>> SmtpClient::begin_mail(const Envelope& envelope,
                                               std::optional<std::uint64_t> octets) {
  Mail mail;
  mail.envelope = &envelope;
  mail.declared_octets = octets;
  mail.uses_smtputf8 = envelope.is_smtputf8;
  if (mail.uses_smtputf8 && !features_.smtputf8) {
    co_return Error(553, "5.6.7", "SMTPUTF8" + not_offered());
  }
  MailAddress sender;
  if (!envelope.sender.empty()) {
    CO_TRY(sender, MailAddress::parse(envelope.sender, Utf8::Allowed));
  }
  if (config_->smtp_send_xforward_command && !features_.xforward.empty()) {
    CO_TRY_DO(co_await forward_origin(envelope));
  }
  std::string command = mail_command(mail, sender);
  co_return co_await ask(std::move(command), config_->smtp_mail_timeout, "sending MAIL FROM");
}

Task<Result<SmtpReply>> SmtpClient::add_recipient(const Recipient& recipient, bool is_smtputf8) {
  CO_TRY(auto address, MailAddress::parse(recipient.address, Utf8::Allowed));
  std::string command = rcpt_command(recipient, address, is_smtputf8);
  co_return co_await ask(std::move(command), config_->smtp_rcpt_timeout, "sending RCPT TO");
}

Task<Result<SmtpReply>> SmtpClient::begin_content() {
  co_return co_await ask("DATA", config_->smtp_data_init_timeout, "sending DATA command");
}

Task<Result<SmtpReply>> SmtpClient::send_content(MessageSource& source) {
  CO_TRY_DO(co_await transmit(source));
  co_return co_await reply(config_->smtp_data_done_timeout);
}

void SmtpClient::part() {
  try {
    connection_.stream().try_write("QUIT\r\n");
    connection_.stream().shut_down();
  } catch (const Disconnected&) {
    // The server has closed the connection first.
  }
}

}  // namespace pennypost::smtp
