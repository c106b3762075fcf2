// SmtpClient's preparation of a mail transaction: whether the server can take the message, and the
// text of MAIL and each RCPT.
//
// STANDARDS  RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 section 5 (DSN),
//            RFC 8689 (REQUIRETLS)
#include "common/base/text.h"
#include "common/mail/status.h"
#include "smtpd/delivery/seven_bit.h"
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/delivery/smtp_mail.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t utf8_header_bytes_max = 1024 * 1024;  // searched for UTF-8, no further

std::string dsn_notify(std::uint8_t notify) {
  if (notify == notify_default) return {};
  if ((notify & notify_never) != 0) return "NEVER";
  std::string text;
  auto add = [&](Notify bit, const char* word) {
    if ((notify & bit) != 0) text += (text.empty() ? "" : ",") + std::string(word);
  };
  add(notify_success, "SUCCESS");
  add(notify_failure, "FAILURE");
  add(notify_delay, "DELAY");
  return text;
}

}  // namespace

/// Builds the transaction's commands. Error: the server can't take the message.
Task<Result<SmtpClient::Mail>> SmtpClient::prepare(const Envelope& envelope, MessageSource& source,
                                                   std::vector<Slot*> slots) {
  Mail mail;
  mail.envelope = &envelope;
  mail.source = &source;
  CO_TRY_DO(check_size(source));
  MailAddress sender;
  if (!envelope.sender.empty()) {
    auto parsed = MailAddress::parse(envelope.sender, Utf8::Allowed);
    if (!parsed) co_return Error(553, "5.1.7", "bad sender address: " + printable(envelope.sender));
    sender = std::move(*parsed);
  }
  if (envelope.is_smtputf8) {
    auto header = co_await source.header(loop_, utf8_header_bytes_max);
    if (!header) co_return header.error();
    mail.uses_smtputf8 = !is_ascii(*header) || sender.needs_smtputf8();
  }
  mail.uses_smtputf8 = mail.uses_smtputf8 || sender.needs_smtputf8();
  if (mail.uses_smtputf8 && !features_.smtputf8) {
    co_return Error(553, "5.6.7", "SMTPUTF8" + not_offered());
  }
  bool is_converted = envelope.is_8bit && !features_.eight_bit_mime;
  if (is_converted && !config_->disable_mime_output_conversion) {
    auto whole = co_await source.whole(loop_, converted_bytes_max);
    if (!whole) co_return whole.error();
    auto converted = to_seven_bit(*whole);
    if (!converted) {
      co_return Error(554, "5.6.3", converted.error().text() + ", and 8BITMIME" + not_offered());
    }
    mail.converted.emplace(std::move(*converted));
    CO_TRY_DO(check_size(*mail.converted));
  }
  add_recipients(mail, slots);
  mail.mail_command = mail_command(mail, sender);
  co_return std::move(mail);
}

std::string SmtpClient::not_offered() const {
  return " is required, but was not offered by host " + target_.name();
}

/// Adds the recipients whose addresses can be sent to this server; sets the outcome of the others.
void SmtpClient::add_recipients(Mail& mail, const std::vector<Slot*>& slots) {
  std::vector<MailAddress> addresses;
  for (Slot* slot : slots) {
    auto address = MailAddress::parse(slot->recipient->address, Utf8::Allowed);
    if (!address || address->is_null()) {
      slot->set(OutcomeKind::Bounce, "5.1.3",
                "bad recipient address: " + printable(slot->recipient->address));
    } else if (address->needs_smtputf8() && !features_.smtputf8) {
      slot->set(OutcomeKind::Bounce, "5.6.7", "SMTPUTF8" + not_offered());
    } else {
      mail.uses_smtputf8 = mail.uses_smtputf8 || address->needs_smtputf8();
      mail.recipients.emplace_back(slot, std::string());
      addresses.push_back(std::move(*address));
    }
  }
  // Only now is it known whether any address needs SMTPUTF8.
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto& [slot, command] = mail.recipients[i];
    command = rcpt_command(*slot->recipient, addresses[i], mail.uses_smtputf8);
  }
}

std::string SmtpClient::mail_command(const Mail& mail, const MailAddress& sender) const {
  const Envelope& envelope = *mail.envelope;
  const MailAddress& shown = mail.uses_smtputf8 ? sender : sender.with_ascii_domain();
  std::string command = "MAIL FROM:" + shown.path();
  auto octets = mail.octets();
  if (features_.size && octets) command += " SIZE=" + std::to_string(*octets);
  if (features_.eight_bit_mime && envelope.is_8bit) command += " BODY=8BITMIME";
  if (mail.uses_smtputf8) command += " SMTPUTF8";
  if (passes_requiretls(envelope)) command += " REQUIRETLS";
  if (features_.dsn && envelope.ret != Ret::Unset) {
    command += envelope.ret == Ret::Full ? " RET=FULL" : " RET=HDRS";
  }
  if (features_.dsn && !envelope.envid.empty()) {
    command += " ENVID=" + xtext_encode(envelope.envid);
  }
  return command;
}

/// RFC 8689 section 4.2.1: whether the server is asked to see to it as we do.
bool SmtpClient::passes_requiretls(const Envelope& envelope) const {
  return envelope.requires_tls && features_.requiretls && tls_.requiretls != RequireTls::Disable;
}

/// RFC 1870 section 6.1: a message that the server would refuse is not sent.
Result<void> SmtpClient::check_size(const MessageSource& message) const {
  if (features_.size_max.allows(message.octets())) return {};
  return Error(552, "5.3.4",
               "message size " + std::to_string(message.octets()) + " exceeds size limit " +
                   std::to_string(features_.size_max.value()) + " of server " + target_.name());
}

std::string SmtpClient::rcpt_command(const Recipient& recipient, const MailAddress& address,
                                     bool uses_smtputf8) const {
  const MailAddress& shown = uses_smtputf8 ? address : address.with_ascii_domain();
  std::string command = "RCPT TO:" + shown.path();
  if (!features_.dsn) return command;
  std::string notify = dsn_notify(recipient.notify);
  if (!notify.empty()) command += " NOTIFY=" + notify;
  auto semicolon = recipient.orcpt.find(';');
  if (semicolon != std::string::npos) {
    OriginalRecipient original;
    original.type = recipient.orcpt.substr(0, semicolon);
    original.address = recipient.orcpt.substr(semicolon + 1);
    command += " ORCPT=" + original.parameter(uses_smtputf8 ? Utf8::Allowed : Utf8::Refused);
  }
  return command;
}

}  // namespace pennypost::smtp
