#include "smtpd/delivery/smtp_client.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/status.h"
#include "common/sasl/client.h"
#include "common/tls/tls_stream.h"
#include "smtpd/delivery/seven_bit.h"
#include "smtpd/delivery/wire_encoder.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t utf8_header_bytes_max = 1024 * 1024;  // searched for UTF-8
constexpr std::size_t auth_line_bytes_max = 12288;          // RFC 4954 section 4
constexpr std::size_t write_bytes = 256 * 1024;

constexpr const char* while_greeting = "receiving the initial server greeting";
constexpr const char* while_ehlo = "performing the EHLO handshake";
constexpr const char* while_helo = "performing the HELO handshake";
constexpr const char* while_starttls = "performing the STARTTLS handshake";
constexpr const char* while_auth = "performing SASL authentication";
constexpr const char* while_mail = "sending MAIL FROM";
constexpr const char* while_rcpt = "sending RCPT TO";
constexpr const char* while_data = "sending DATA command";
constexpr const char* while_body = "sending message body";
constexpr const char* while_dot = "sending end of data -- message may be sent more than once";

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& item) { return equal_nocase(item, word); });
}

/// An Error's text as a status and the words behind it.
std::pair<std::string, std::string> status_and_words(const Error& error) {
  std::string_view text = error.text();
  auto status = EnhancedStatus::take(text);
  return {status ? status->text() : EnhancedStatus::of_reply(error.code()).text(),
          std::string(text)};
}

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

Login Login::parse(std::string_view text) {
  Login login;
  auto colon = text.find(':');
  login.name = trim(text.substr(0, colon));
  if (colon != text.npos) login.password = Secret(std::string(text.substr(colon + 1)));
  return login;
}

void Slot::set(OutcomeKind kind, std::string status, std::string reason, std::string diagnostic) {
  outcome.emplace();
  outcome->recipient = recipient->number;
  outcome->kind = kind;
  outcome->status = std::move(status);
  outcome->reason = std::move(reason);
  outcome->diagnostic = std::move(diagnostic);
}

SmtpClient::SmtpClient(Loop& loop, std::shared_ptr<const Config> config,
                       std::unique_ptr<Stream> stream, Target target, TlsDemand tls, Login login)
    : loop_(loop),
      config_(std::move(config)),
      target_(std::move(target)),
      tls_(std::move(tls)),
      login_(std::move(login)),
      connection_(loop, std::move(stream), config_->smtp_helo_timeout),
      opened_(loop.now()) {}

// Answers.

Task<Result<SmtpReply>> SmtpClient::reply(Duration timeout) {
  connection_.set_timeout(timeout);
  // The whole answer, however many lines it has and however slowly they drip.
  connection_.set_deadline(std::chrono::steady_clock::now() + timeout);
  auto bytes_max = static_cast<std::size_t>(config_->smtp_reply_length_limit);
  std::size_t bytes = 0;
  ReplyParser parser;
  for (;;) {
    auto line = co_await connection_.line(bytes_max);
    bytes += line.text.size();
    if (line.is_too_long || bytes > bytes_max) {
      is_broken_ = true;
      co_return Error::temporary("4.5.0 host " + target_.name() +
                                 " sent a reply longer than smtp_reply_length_limit");
    }
    auto is_last = parser.feed(line.text);
    if (!is_last) {
      is_broken_ = true;
      auto [status, words] = status_and_words(is_last.error());
      co_return Error::temporary(status + " host " + target_.name() + ": " + words);
    }
    if (*is_last) break;
  }
  connection_.set_deadline(SteadyTime::max());
  auto answer = parser.take();
  if (answer.is_closing()) is_broken_ = true;
  co_return answer;
}

Task<Result<SmtpReply>> SmtpClient::ask(std::string line, Duration timeout, std::string stage) {
  stage_ = std::move(stage);
  connection_.put(line);
  connection_.put("\r\n");
  co_return co_await reply(timeout);
}

Error SmtpClient::refusal(const SmtpReply& reply, const char* what) const {
  return Error(reply.is_permanent() ? reply.code : 451,
               reply.status_text() + " host " + target_.name() + " " + what + ": " + reply.text());
}

// The session's beginning.

Task<Result<void>> SmtpClient::open() {
  if (tls_.is_implicit) {
    auto shaking = start_tls(true);
    CO_TRY_DO(co_await std::move(shaking));
  }
  CO_TRY_DO(co_await greet());
  CO_TRY_DO(co_await hello());
  if (!is_secure() && tls_.level != TlsDemand::Level::None) {
    if (features_.starttls) {
      auto shaking = start_tls(false);
      CO_TRY_DO(co_await std::move(shaking));
      // RFC 3207 section 4.2: what was learnt before TLS is void.
      if (is_secure()) {
        CO_TRY_DO(co_await hello());
      }
    } else if (tls_.level != TlsDemand::Level::May) {
      co_return Error::temporary("4.7.4 TLS is required, but was not offered by host " +
                                 target_.name());
    }
  }
  if (!login_.name.empty()) {
    CO_TRY_DO(co_await log_in());
  }
  co_return Result<void>();
}

Task<Result<void>> SmtpClient::greet() {
  stage_ = while_greeting;
  CO_TRY(auto greeting, co_await reply(config_->smtp_helo_timeout));
  if (greeting.is_positive()) co_return check_name(greeting, "greeted me");
  is_broken_ = true;
  Error error = refusal(greeting, "refused to talk to me");
  if (greeting.is_permanent() && config_->smtp_skip_5xx_greeting) {
    co_return Error::temporary("4.3.0" + error.text().substr(error.text().find(' ')));
  }
  co_return error;
}

/// RFC 5321 sections 4.2 and 4.1.1.1: both replies begin with the server's name.
Result<void> SmtpClient::check_name(const SmtpReply& reply, const char* what) {
  if (reply.lines.empty()) return {};
  std::string_view line = reply.lines.front();
  if (!equal_nocase(line.substr(0, line.find(' ')), config_->myhostname)) return {};
  is_with_myself_ = true;
  std::string text =
      "host " + target_.name() + " " + what + " with my own hostname " + config_->myhostname;
  log_warning("smtp", text);
  return Error::temporary("4.4.6 " + text);
}

Task<Result<void>> SmtpClient::hello() {
  features_ = PeerFeatures();
  CO_TRY(auto ehlo,
         co_await ask("EHLO " + config_->smtp_helo_name, config_->smtp_helo_timeout, while_ehlo));
  if (ehlo.is_positive()) {
    features_ = PeerFeatures::parse(ehlo, config_->smtp_discard_ehlo_keywords);
    co_return check_name(ehlo, "replied to HELO/EHLO");
  }
  // RFC 5321 section 3.2: a server that knows no EHLO is asked the old way.
  if (ehlo.is_closing() || !ehlo.is_permanent() || is_secure()) {
    is_broken_ = true;
    co_return refusal(ehlo, "refused to talk to me");
  }
  CO_TRY(auto helo,
         co_await ask("HELO " + config_->smtp_helo_name, config_->smtp_helo_timeout, while_helo));
  if (helo.is_positive()) co_return check_name(helo, "replied to HELO/EHLO");
  is_broken_ = true;
  co_return refusal(helo, "refused to talk to me");
}

Task<Result<void>> SmtpClient::start_tls(bool is_implicit) {
  if (tls_.context == nullptr) {
    co_return Error::temporary("4.7.5 no TLS context; see the log for smtp_tls_CAfile");
  }
  if (!is_implicit) {
    CO_TRY(auto ready, co_await ask("STARTTLS", config_->smtp_starttls_timeout, while_starttls));
    if (!ready.is_positive()) {
      bool may_be_plain = tls_.level == TlsDemand::Level::May && login_.name.empty();
      if (may_be_plain && !ready.is_closing()) co_return Result<void>();
      is_broken_ = true;
      std::string_view why = login_.name.empty() ? "is required" : "must protect the login";
      co_return Error::temporary("4.7.5 TLS " + std::string(why) + ", but host " + target_.name() +
                                 " refused to start TLS: " + ready.text());
    }
    connection_.take_input();
  }
  stage_ = while_starttls;
  tls_failed_ = true;
  auto tls = TlsStream::client(connection_.exchange_stream(nullptr), tls_.context, tls_.name);
  TlsStream* stream = tls.get();
  connection_.exchange_stream(std::move(tls));
  co_await stream->handshake(config_->smtp_starttls_timeout);
  tls_failed_ = false;
  if (config_->smtp_tls_loglevel > 0) {
    std::string address = target_.endpoint.address().text();
    LogPeer peer{target_.host, address, "smtp"};
    log_tls(stream->is_verified() ? "Verified" : "Untrusted", peer, stream->protocol(),
            stream->cipher(), stream->cipher_bits());
  }
  co_return Result<void>();
}

/// What the server offers and the settings allow, the best first.
std::vector<std::string> SmtpClient::login_mechanisms() {
  auto allowed = config_->smtp_sasl_mechanism_filter;
  const auto& options =
      is_secure() ? config_->smtp_sasl_tls_security_options : config_->smtp_sasl_security_options;
  if (holds(options, "noplaintext")) {
    std::erase_if(allowed, [](const auto& name) {
      return equal_nocase(name, "plain") || equal_nocase(name, "login");
    });
    if (allowed.empty()) allowed = {"SCRAM-SHA-256"};
  }
  return ClientExchange::choices(features_.auth_mechanisms, allowed);
}

/// RFC 4954 section 4. A refused login is never the message's fault: try later.
///
/// A server may offer what can't work for this user: SCRAM, where it has but a hash of the
/// password. So a mechanism that it refuses for good is followed by the next. Not so a temporary
/// refusal, and a server that broke the rules or could not prove itself gets no password.
Task<Result<void>> SmtpClient::log_in() {
  stage_ = while_auth;
  auto mechanisms = login_mechanisms();
  if (mechanisms.empty()) {
    co_return Error::temporary("4.7.0 host " + target_.name() +
                               " offers no login that smtp_sasl_mechanism_filter and " +
                               (is_secure() ? "smtp_sasl_tls_security_options allow"
                                            : "smtp_sasl_security_options allow without TLS"));
  }
  std::string stage = while_auth;
  for (const auto& mechanism : mechanisms) {
    auto trying = log_in_by(mechanism, stage);
    CO_TRY(auto answer, co_await std::move(trying));
    if (answer.is_positive()) co_return Result<void>();
    bool is_last = &mechanism == &mechanisms.back();
    if (is_last || !answer.is_permanent()) {
      co_return Error::temporary("4.7.8 SASL authentication failed; server " + target_.name() +
                                 " said: " + answer.text());
    }
    stage = std::string(while_auth) + " (" + mechanism + " was refused: " + answer.text() + ")";
  }
  co_return Result<void>();
}

/// The server's last answer: 2xx only after its proof, if the mechanism has one. Error: it broke
/// the rules, and the session is of no more use.
Task<Result<SmtpReply>> SmtpClient::log_in_by(std::string mechanism, std::string stage) {
  auto exchange = ClientExchange::make(mechanism, login_.name, login_.password, {});
  ASSERT(exchange != nullptr);
  std::string line = "AUTH " + mechanism;
  auto initial = exchange->initial();
  std::optional<std::string> held;
  if (initial) {
    std::string encoded = initial->empty() ? "=" : base64_encode(*initial);
    // RFC 4954 section 4: a line too long waits for the server's empty challenge.
    if (line.size() + encoded.size() + 3 <= 512) {
      line += " " + encoded;
    } else {
      held = encoded;
    }
  }
  std::string last_words;
  for (std::int64_t steps = 0;; ++steps) {
    CO_TRY(auto answer, co_await ask(line, config_->smtp_mail_timeout, stage));
    if (answer.is_positive() && !exchange->verify(last_words)) {
      is_broken_ = true;
      co_return Error::temporary("4.7.8 host " + target_.name() +
                                 " did not prove that it knows our password");
    }
    if (answer.code != 334) co_return std::move(answer);
    if (steps == config_->smtp_sasl_steps_max) {
      is_broken_ = true;
      co_return Error::temporary(
          "4.7.0 host " + target_.name() +
          " asks for more responses than smtp_sasl_steps_max = " + std::to_string(steps));
    }
    std::string_view text = answer.lines.empty() ? std::string_view() : answer.lines[0];
    auto challenge = base64_decode(trim(text));
    if (!challenge || text.size() > auth_line_bytes_max) {
      is_broken_ = true;
      co_return Error::temporary("4.7.0 host " + target_.name() + " sent a malformed challenge");
    }
    if (held) {
      line = *std::exchange(held, std::nullopt);
      continue;
    }
    // RFC 5802 section 5: the last challenge of SCRAM is the server's proof, or its error; it is
    // answered by an empty line.
    if (challenge->starts_with("v=") || challenge->starts_with("e=")) {
      last_words = *challenge;
      line.clear();
      continue;
    }
    auto response = exchange->respond(*challenge);
    if (!response) {
      is_broken_ = true;
      co_return Error::temporary("4.7.8 SASL authentication with " + target_.name() +
                                 " failed: " + status_and_words(response.error()).second);
    }
    line = base64_encode(*response);
  }
}

Task<> SmtpClient::quit() {
  stage_ = "sending QUIT";
  connection_.set_timeout(config_->smtp_quit_timeout);
  connection_.put("QUIT\r\n");
  co_await connection_.flush();
  connection_.stream().shut_down();
}

// A mail transaction.

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
