// SmtpClient's mail transaction: MAIL, each RCPT, DATA, the message, and what came of each
// recipient.
//
// STANDARDS  RFC 5321 section 3.3, RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC 6152 (8BITMIME),
//            RFC 6531 (SMTPUTF8), RFC 3461 section 5 (DSN)
#include "common/base/text.h"
#include "smtpd/delivery/seven_bit.h"
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/delivery/wire_encoder.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t utf8_header_bytes_max = 1024 * 1024;  // searched for UTF-8
constexpr std::size_t write_bytes = 256 * 1024;

constexpr const char* while_mail = "sending MAIL FROM";
constexpr const char* while_rcpt = "sending RCPT TO";
constexpr const char* while_data = "sending DATA command";
constexpr const char* while_body = "sending message body";
constexpr const char* while_dot = "sending end of data -- message may be sent more than once";

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

void Slot::set(OutcomeKind kind, std::string status, std::string reason, std::string diagnostic) {
  outcome.emplace();
  outcome->recipient = recipient->number;
  outcome->kind = kind;
  outcome->status = std::move(status);
  outcome->reason = std::move(reason);
  outcome->diagnostic = std::move(diagnostic);
}

struct SmtpClient::Mail {
  Mail() = default;
  const Envelope* envelope = nullptr;
  bool uses_smtputf8 = false;
  std::string mail_command;
  std::vector<std::pair<Slot*, std::string>> recipients;  // with their RCPT command
  std::optional<MessageSource> converted;
  MessageSource* source = nullptr;
};

void SmtpClient::refuse(Slot& slot, const SmtpReply& reply, const char* command) {
  slot.set(reply.is_permanent() ? OutcomeKind::Bounce : OutcomeKind::Retry, reply.status_text(),
           "host " + target_.name() + " said: " + reply.text() + " (in reply to " + command +
               " command)",
           reply.text());
  // Now, since the connection may break before deliver() ends.
  slot.outcome->relay = target_.text();
  slot.outcome->remote_mta = target_.host;
  // An answer that fits no command (a 2xx where none belongs) is no success.
  if (reply.code < 400) slot.outcome->status = "4.5.0";
}

void SmtpClient::refuse_open(std::vector<Slot*>& slots, const Error& error) {
  auto [status, words] = status_and_words(error);
  for (Slot* slot : slots) {
    if (slot->outcome) continue;
    slot->set(error.is_temporary() ? OutcomeKind::Retry : OutcomeKind::Bounce, status, words);
  }
}

Task<> SmtpClient::deliver(const Envelope& envelope, MessageSource& source,
                           std::vector<Slot*> slots) {
  for (Slot* slot : slots) slot->outcome.reset();
  may_be_taken_ = false;
  auto preparing = prepare(envelope, source, slots);
  auto mail = co_await std::move(preparing);
  if (!mail) {
    refuse_open(slots, mail.error());
  } else if (!mail->recipients.empty()) {
    auto done = co_await transact(*mail);
    if (!done) refuse_open(slots, done.error());
    ++messages_;
  }
  for (Slot* slot : slots) {
    if (!slot->outcome) slot->set(OutcomeKind::Retry, "4.5.0", "no answer for this recipient");
    slot->outcome->relay = target_.text();
    slot->outcome->remote_mta = target_.host;
  }
}

/// What is said, and whether the server can take it at all.
Task<Result<SmtpClient::Mail>> SmtpClient::prepare(const Envelope& envelope, MessageSource& source,
                                                   std::vector<Slot*> slots) {
  Mail mail;
  mail.envelope = &envelope;
  mail.source = &source;
  std::string lacks = " is required, but was not offered by host " + target_.name();
  CO_TRY_DO(check_size(source));
  MailAddress sender;
  if (!envelope.sender.empty()) {
    auto parsed = MailAddress::parse(envelope.sender, Utf8::Allowed);
    if (!parsed) co_return Error(553, "5.1.7 bad sender address: " + printable(envelope.sender));
    sender = std::move(*parsed);
  }
  if (envelope.is_smtputf8) {
    auto header = co_await source.header(loop_, utf8_header_bytes_max);
    if (!header) co_return header.error();
    mail.uses_smtputf8 = !is_ascii(*header) || sender.needs_smtputf8();
  }
  mail.uses_smtputf8 = mail.uses_smtputf8 || sender.needs_smtputf8();
  if (mail.uses_smtputf8 && !features_.smtputf8) co_return Error(553, "5.6.7 SMTPUTF8" + lacks);

  bool is_converted = envelope.is_8bit && !features_.eight_bit_mime;
  if (is_converted && !config_->disable_mime_output_conversion) {
    auto whole = co_await source.whole(loop_, converted_bytes_max);
    if (!whole) co_return whole.error();
    auto converted = to_seven_bit(*whole);
    if (!converted)
      co_return Error(554, "5.6.3 " + converted.error().text() + ", and 8BITMIME" + lacks);
    mail.converted.emplace(std::move(*converted));
    CO_TRY_DO(check_size(*mail.converted));
  }

  std::vector<MailAddress> addresses;
  for (Slot* slot : slots) {
    auto address = MailAddress::parse(slot->recipient->address, Utf8::Allowed);
    if (!address || address->is_null()) {
      slot->set(OutcomeKind::Bounce, "5.1.3",
                "bad recipient address: " + printable(slot->recipient->address));
    } else if (address->needs_smtputf8() && !features_.smtputf8) {
      slot->set(OutcomeKind::Bounce, "5.6.7", "SMTPUTF8" + lacks);
    } else {
      mail.uses_smtputf8 = mail.uses_smtputf8 || address->needs_smtputf8();
      mail.recipients.emplace_back(slot, std::string());
      addresses.push_back(std::move(*address));
    }
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto& [slot, command] = mail.recipients[i];
    command = rcpt_command(*slot->recipient, addresses[i], mail);
  }

  if (!mail.uses_smtputf8) sender = sender.with_ascii_domain();
  mail.mail_command = "MAIL FROM:" + sender.path();
  std::uint64_t octets = mail.converted ? mail.converted->octets() : source.octets();
  if (features_.size) mail.mail_command += " SIZE=" + std::to_string(octets);
  if (features_.eight_bit_mime && envelope.is_8bit) mail.mail_command += " BODY=8BITMIME";
  if (mail.uses_smtputf8) mail.mail_command += " SMTPUTF8";
  if (features_.dsn && envelope.ret != Ret::Unset) {
    mail.mail_command += envelope.ret == Ret::Full ? " RET=FULL" : " RET=HDRS";
  }
  if (features_.dsn && !envelope.envid.empty()) {
    mail.mail_command += " ENVID=" + xtext_encode(envelope.envid);
  }
  co_return std::move(mail);
}

/// RFC 1870 section 6.1: what the server would refuse is not sent.
Result<void> SmtpClient::check_size(const MessageSource& message) const {
  if (features_.size_max == 0 || message.octets() <= features_.size_max) return {};
  return Error(552, "5.3.4 message size " + std::to_string(message.octets()) +
                        " exceeds size limit " + std::to_string(features_.size_max) +
                        " of server " + target_.name());
}

std::string SmtpClient::rcpt_command(const Recipient& recipient, const MailAddress& address,
                                     const Mail& mail) const {
  const MailAddress& shown = mail.uses_smtputf8 ? address : address.with_ascii_domain();
  std::string command = "RCPT TO:" + shown.path();
  if (!features_.dsn) return command;
  std::string notify = dsn_notify(recipient.notify);
  if (!notify.empty()) command += " NOTIFY=" + notify;
  auto semicolon = recipient.orcpt.find(';');
  if (semicolon != std::string::npos) {
    OriginalRecipient original;
    original.type = recipient.orcpt.substr(0, semicolon);
    original.address = recipient.orcpt.substr(semicolon + 1);
    command += " ORCPT=" + original.parameter(mail.uses_smtputf8 ? Utf8::Allowed : Utf8::Refused);
  }
  return command;
}

/// MAIL, each RCPT, DATA: as many at once as the server allows, then the message.
Task<Result<void>> SmtpClient::transact(Mail& mail) {
  std::size_t count = mail.recipients.size() + 2;
  std::size_t window = features_.pipelining ? pipelined_commands_max : 1;
  std::size_t sent = 0;
  std::vector<Slot*> accepted;
  bool mail_refused = false;
  for (std::size_t i = 0; i < count; ++i) {
    bool is_data = i + 1 == count;
    // Nobody to send it to: the transaction is given up, unless DATA is out already.
    if (is_data && accepted.empty() && sent < count) {
      if (!mail_refused) co_return co_await reset();
      co_return Result<void>();
    }
    for (; sent < count && sent < i + window; ++sent) {
      // DATA is sent ahead only where one recipient may still be accepted.
      if (sent == 0) {
        connection_.put(mail.mail_command);
      } else if (sent + 1 == count) {
        connection_.put("DATA");
      } else {
        connection_.put(mail.recipients[sent - 1].second);
      }
      connection_.put("\r\n");
    }
    stage_ = i == 0 ? while_mail : is_data ? while_data : while_rcpt;
    Duration timeout = i == 0    ? config_->smtp_mail_timeout
                       : is_data ? config_->smtp_data_init_timeout
                                 : config_->smtp_rcpt_timeout;
    CO_TRY(auto answer, co_await reply(timeout));
    if (i == 0) {
      if (answer.is_positive()) continue;
      mail_refused = true;
      for (auto& [slot, command] : mail.recipients) refuse(*slot, answer, "MAIL FROM");
      if (is_broken_ || !features_.pipelining) co_return Result<void>();
    } else if (!is_data) {
      if (mail_refused) continue;
      Slot& slot = *mail.recipients[i - 1].first;
      if (answer.is_positive()) {
        accepted.push_back(&slot);
      } else {
        // RFC 5321 section 4.5.3.1.10: behind an accepted one, 552 means too many: the rest later.
        if (answer.code == 552 && !answer.status && !accepted.empty()) answer.code = 452;
        refuse(slot, answer, "RCPT TO");
      }
    } else if (answer.code != 354) {
      for (Slot* slot : accepted) refuse(*slot, answer, "DATA");
      // A server that took the recipients but not DATA may still hold the transaction.
      if (!is_broken_) co_return co_await reset();
      co_return Result<void>();
    } else if (accepted.empty()) {
      // RFC 2920 section 3.1: DATA was sent ahead in vain, and must be ended.
      connection_.put(".\r\n");
      CO_TRY(auto ended, co_await reply(config_->smtp_data_done_timeout));
      if (ended.is_positive()) is_broken_ = true;
      co_return Result<void>();
    }
    if (is_broken_) {
      // 421: for those that have no answer yet it is the answer.
      for (auto& [slot, command] : mail.recipients) {
        if (!slot->outcome) refuse(*slot, answer, i == 0 ? "MAIL FROM" : "RCPT TO");
      }
      co_return Result<void>();
    }
  }
  MessageSource& message = mail.converted ? *mail.converted : *mail.source;
  CO_TRY_DO(co_await transmit(message));
  stage_ = while_dot;
  may_be_taken_ = true;
  CO_TRY(auto taken, co_await reply(config_->smtp_data_done_timeout));
  may_be_taken_ = false;
  for (Slot* slot : accepted) {
    if (!taken.is_positive()) {
      refuse(*slot, taken, "end of DATA");
      continue;
    }
    slot->set(OutcomeKind::Delivered, taken.status_text(), taken.text(), taken.text());
    slot->outcome->is_dsn_relayed = features_.dsn;
  }
  co_return Result<void>();
}

Task<Result<void>> SmtpClient::transmit(MessageSource& source) {
  stage_ = while_body;
  connection_.set_timeout(config_->smtp_data_xfer_timeout);
  WireEncoder encoder(static_cast<std::size_t>(config_->smtp_line_length_limit),
                      config_->cleanup_replace_stray_cr_lf ? WireEncoder::StrayCr::Replace
                                                           : WireEncoder::StrayCr::Keep);
  source.rewind();
  std::string out;
  for (;;) {
    auto bytes = co_await source.next(loop_);
    if (!bytes) {
      // Half a message must not be ended with a dot: the connection is dropped.
      is_broken_ = true;
      co_return bytes.error();
    }
    if (bytes->empty()) break;
    encoder.feed(*bytes, out);
    if (out.size() < write_bytes) continue;
    co_await connection_.write(out);
    out.clear();
  }
  encoder.finish(out);
  // From the last byte on the server may have it all.
  stage_ = while_dot;
  may_be_taken_ = true;
  co_await connection_.write(out);
  co_return Result<void>();
}

Task<Result<void>> SmtpClient::reset() {
  CO_TRY(auto answer, co_await ask("RSET", config_->smtp_rset_timeout, "sending RSET"));
  if (!answer.is_positive()) is_broken_ = true;
  co_return Result<void>();
}

}  // namespace pennypost::smtp
