// SmtpClient's mail transaction: MAIL, each RCPT, DATA, the message, and the outcome of each
// recipient.
//
// STANDARDS  RFC 5321 section 3.3, RFC 2033 section 4.2 (LMTP's replies), RFC 2920 (PIPELINING)
// SEE ALSO   smtp_prepare.cpp (the text of the commands)
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/delivery/smtp_mail.h"
#include "smtpd/delivery/wire_encoder.h"
#include "smtpd/delivery/xforward.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t write_bytes = 256 * 1024;

constexpr const char* while_mail = "sending MAIL FROM";
constexpr const char* while_xforward = "sending XFORWARD name/address";
constexpr const char* while_rcpt = "sending RCPT TO";
constexpr const char* while_data = "sending DATA command";
constexpr const char* while_body = "sending message body";
constexpr const char* while_dot = "sending end of data -- message may be sent more than once";

}  // namespace

void Slot::set(OutcomeKind kind, std::string status, std::string reason, std::string diagnostic) {
  outcome.emplace();
  outcome->recipient = recipient->number;
  outcome->kind = kind;
  outcome->status = std::move(status);
  outcome->reason = std::move(reason);
  outcome->diagnostic = std::move(diagnostic);
}

void SmtpClient::refuse(Slot& slot, const SmtpReply& reply, const char* command) {
  note_code(reply);
  slot.set(reply.is_permanent() ? OutcomeKind::Bounce : OutcomeKind::Retry,
           reply.effective_status().text(),
           "host " + target_.name() + " said: " + reply.text() + " (in reply to " + command +
               " command)",
           reply.text());
  // Set here, since the connection may break before deliver() ends.
  slot.outcome->relay = target_.text();
  slot.outcome->remote_mta = remote_mta();
  // A reply below 400 in the wrong place (2xx instead of 354) is not a success.
  if (reply.code < 400) slot.outcome->status = "4.5.0";
}

void SmtpClient::refuse_open(std::vector<Slot*>& slots, const Error& error) {
  std::string status = error.status().value_or(EnhancedStatus::of_reply(error.code())).text();
  for (Slot* slot : slots) {
    if (slot->outcome) continue;
    slot->set(error.is_temporary() ? OutcomeKind::Retry : OutcomeKind::Bounce, status,
              error.text());
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
    slot->outcome->remote_mta = remote_mta();
  }
}

/// XFORWARD, in as many commands as its lines need: whose mail it is. A refusal is the server's own
/// affair; a lost connection is not.
Task<Result<void>> SmtpClient::forward_origin(const Envelope& envelope) {
  for (auto& command : xforward_commands(envelope, features_.xforward)) {
    CO_TRY(auto answer,
           co_await ask(std::move(command), config_->smtp_xforward_timeout, while_xforward));
    if (!answer.is_positive()) break;
  }
  co_return Result<void>();
}

/// Sends MAIL, each RCPT and DATA, as many at once as the server allows, then the message.
Task<Result<void>> SmtpClient::transact(Mail& mail) {
  if (config_->smtp_send_xforward_command && !features_.xforward.empty()) {
    CO_TRY_DO(co_await forward_origin(*mail.envelope));
  }
  for (std::size_t number = 0; number + 1 < mail.commands(); ++number) {
    bool is_mail = number == 0;
    send_ahead(mail, number);
    stage_ = is_mail ? while_mail : while_rcpt;
    auto timeout = is_mail ? config_->smtp_mail_timeout : config_->smtp_rcpt_timeout;
    CO_TRY(auto answer, co_await reply(timeout));
    if (is_mail) {
      take_mail_answer(mail, answer);
      if (mail.is_refused && (is_broken_ || !features_.pipelining)) co_return Result<void>();
    } else if (!mail.is_refused) {
      take_rcpt_answer(mail, *mail.recipients[number - 1].first, std::move(answer));
      if (is_broken_) co_return Result<void>();
    }
  }
  if (is_probe_) {
    if (mail.is_refused) co_return Result<void>();
    co_return co_await reset();
  }
  // No recipient is left, or not all: give up the transaction, unless DATA has been sent already.
  bool is_partial = needs_all_ && mail.accepted.size() < mail.recipients.size();
  if ((mail.accepted.empty() || is_partial) && mail.sent < mail.commands()) {
    if (!mail.is_refused) co_return co_await reset();
    co_return Result<void>();
  }
  CO_TRY(bool is_awaited, co_await begin_data(mail));
  if (!is_awaited) co_return Result<void>();
  MessageSource& message = mail.converted ? *mail.converted : *mail.source;
  CO_TRY_DO(co_await transmit(message));
  CO_TRY_DO(co_await end_data(mail));
  co_return Result<void>();
}

/// Sends the commands up to the one whose reply is read next, and as many after it as may be sent
/// ahead.
void SmtpClient::send_ahead(Mail& mail, std::size_t number) {
  std::size_t window = features_.pipelining ? pipelined_commands_max : 1;
  // DATA is not sent ahead if all recipients must have been accepted before it, or if it is not
  // sent at all.
  std::size_t end = (needs_all_ || is_probe_) && number + 1 < mail.commands() ? mail.commands() - 1
                                                                              : mail.commands();
  for (; mail.sent < end && mail.sent < number + window; ++mail.sent) {
    send_line(mail.command(mail.sent));
  }
}

void SmtpClient::take_mail_answer(Mail& mail, const SmtpReply& answer) {
  if (answer.is_positive()) return;
  mail.is_refused = true;
  for (auto& [slot, command] : mail.recipients) refuse(*slot, answer, "MAIL FROM");
}

void SmtpClient::take_rcpt_answer(Mail& mail, Slot& slot, SmtpReply answer) {
  if (answer.is_positive()) {
    mail.accepted.push_back(&slot);
    if (is_probe_) {
      slot.set(OutcomeKind::Delivered, answer.effective_status().text(), answer.text(),
               answer.text());
    }
    return;
  }
  // RFC 5321 section 4.5.3.1.10: after an accepted recipient, 552 means too many recipients: try
  // later.
  if (answer.code == 552 && !answer.status && !mail.accepted.empty()) answer.code = 452;
  refuse(slot, answer, "RCPT TO");
  if (!is_broken_) return;
  // 421 also answers the recipients that have no reply yet.
  for (auto& [other, command] : mail.recipients) {
    if (!other->outcome) refuse(*other, answer, "RCPT TO");
  }
}

/// Sends DATA; true if the server now waits for the message and some recipient was accepted.
Task<Result<bool>> SmtpClient::begin_data(Mail& mail) {
  send_ahead(mail, mail.commands() - 1);
  stage_ = while_data;
  CO_TRY(auto answer, co_await reply(config_->smtp_data_init_timeout));
  if (answer.code != 354) {
    for (Slot* slot : mail.accepted) refuse(*slot, answer, "DATA");
    // A server that refuses DATA may still keep the transaction open.
    if (!is_broken_) {
      CO_TRY_DO(co_await reset());
    }
    co_return false;
  }
  if (!mail.accepted.empty()) co_return true;
  // RFC 2920 section 3.1: DATA was sent ahead but no recipient was accepted; end it with a dot.
  send_line(".");
  if (is_lmtp()) {
    // RFC 2033 section 4.2 has no reply for that, and another may mean that the server is confused.
    is_broken_ = true;
    co_await connection_.flush();
    co_return false;
  }
  CO_TRY(auto ended, co_await reply(config_->smtp_data_done_timeout));
  if (ended.is_positive()) is_broken_ = true;
  co_return false;
}

/// Reads the reply to the message; in LMTP one for each accepted recipient.
Task<Result<void>> SmtpClient::end_data(Mail& mail) {
  if (!is_lmtp()) {
    CO_TRY(auto taken, co_await reply(config_->smtp_data_done_timeout));
    may_be_taken_ = false;
    for (Slot* slot : mail.accepted) take_data_answer(*slot, taken);
    co_return Result<void>();
  }
  SmtpReply last;
  for (Slot* slot : mail.accepted) {
    // 421 is also the reply to those that are left, since none will follow.
    if (!is_broken_) {
      CO_TRY(last, co_await reply(config_->smtp_data_done_timeout));
    }
    take_data_answer(*slot, last);
  }
  may_be_taken_ = false;
  co_return Result<void>();
}

/// The relay is set here, since in LMTP the connection may break before deliver() ends.
void SmtpClient::take_data_answer(Slot& slot, const SmtpReply& answer) {
  if (!answer.is_positive()) {
    refuse(slot, answer, "end of DATA");
    return;
  }
  slot.set(OutcomeKind::Delivered, answer.effective_status().text(), answer.text(), answer.text());
  slot.outcome->relay = target_.text();
  slot.outcome->remote_mta = remote_mta();
  slot.outcome->is_dsn_relayed = features_.dsn;
}

Task<Result<void>> SmtpClient::transmit(MessageSource& source) {
  stage_ = while_body;
  connection_.set_timeout(config_->smtp_data_xfer_timeout);
  WireEncoder encoder(config_->smtp_line_length_limit, config_->cleanup_replace_stray_cr_lf
                                                           ? WireEncoder::StrayCr::Replace
                                                           : WireEncoder::StrayCr::Keep);
  source.rewind();
  std::string out;
  for (;;) {
    auto bytes = co_await source.next(loop_);
    if (!bytes) {
      // An incomplete message must not be ended with a dot: the connection is dropped.
      note(ErrorClass::Data);
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
  // From here on the server may have the whole message.
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
