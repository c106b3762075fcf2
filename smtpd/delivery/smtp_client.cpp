#include "smtpd/delivery/smtp_client.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/log/tls_log.h"
#include "common/tls/tls_stream.h"

namespace pennypost::smtp {
namespace {

constexpr const char* while_greeting = "receiving the initial server greeting";
constexpr const char* while_ehlo = "performing the EHLO handshake";
constexpr const char* while_helo = "performing the HELO handshake";
constexpr const char* while_lhlo = "performing the LHLO handshake";
constexpr const char* while_starttls = "performing the STARTTLS handshake";

/// Whether a certificate, or its key, has one of these fingerprints; colons and case are as one
/// likes.
bool has_fingerprint(const TlsStream& stream, const TlsDemand& demand) {
  auto certificate = stream.peer_certificate(demand.digest);
  return certificate && std::ranges::any_of(demand.fingerprints, [&](const std::string& wanted) {
           return equal_nocase(wanted, certificate->fingerprint) ||
                  equal_nocase(wanted, certificate->key_fingerprint);
         });
}

constexpr const char* no_starttls = "starttls-not-supported";

/// What a report says of a certificate that is not the one we want. `problem`: in OpenSSL's words.
TlsFinding finding_of(PeerTrust trust, const std::string& problem) {
  bool is_other_name = trust == PeerTrust::Trusted;
  bool is_expired = problem.find("expired") != problem.npos;
  const char* kind = is_other_name ? "certificate-host-mismatch"
                     : is_expired  ? "certificate-expired"
                                   : "certificate-not-trusted";
  return TlsFinding{kind, problem};
}

}  // namespace

SmtpClient::SmtpClient(Loop& loop, Protocol protocol, std::shared_ptr<const Config> config,
                       std::unique_ptr<Stream> stream, Target target, TlsDemand tls, Login login)
    : loop_(loop),
      protocol_(protocol),
      config_(std::move(config)),
      target_(std::move(target)),
      tls_(std::move(tls)),
      login_(std::move(login)),
      connection_(loop, std::move(stream), config_->smtp_helo_timeout),
      notices_(config_->notify_classes),
      opened_(loop.now()) {
  bool is_kept = notices_.has(ErrorClass::Protocol) || notices_.has(ErrorClass::Data);
  if (is_kept) transcript_ = std::make_unique<Transcript>();
}

// Replies.

Task<Result<SmtpReply>> SmtpClient::reply(Duration timeout) {
  connection_.set_timeout(timeout);
  // For the whole reply, however many lines it has and however slowly they come.
  connection_.set_deadline(std::chrono::steady_clock::now() + timeout);
  auto bytes_max = config_->smtp_reply_length_limit;
  std::size_t bytes = 0;
  ReplyParser parser;
  for (;;) {
    auto line = co_await connection_.line(bytes_max);
    bytes += line.text.size();
    if (line.is_too_long || bytes > bytes_max) {
      is_broken_ = true;
      co_return Error::temporary(
          "4.5.0", "host " + target_.name() + " sent a reply longer than smtp_reply_length_limit");
    }
    if (transcript_) transcript_->heard(line.text);
    show('S', line.text);
    auto is_last = parser.feed(line.text);
    if (!is_last) {
      is_broken_ = true;
      note(ErrorClass::Protocol);
      const auto& error = is_last.error();
      auto status = error.status().value_or(EnhancedStatus::of_reply(error.code()));
      co_return Error::temporary(status, "host " + target_.name() + ": " + error.text());
    }
    if (*is_last) break;
  }
  connection_.set_deadline(SteadyTime::max());
  auto answer = parser.take();
  if (answer.is_closing()) is_broken_ = true;
  co_return answer;
}

/// `shown`: what postmaster, and an admin who watches, may see of the line; empty: all.
Task<Result<SmtpReply>> SmtpClient::ask(std::string line, Duration timeout, std::string stage,
                                        std::string shown) {
  stage_ = std::move(stage);
  send_secret(line, shown.empty() ? line : shown);
  co_return co_await reply(timeout);
}

void SmtpClient::send_line(std::string_view line) { send_secret(line, line); }

void SmtpClient::send_secret(std::string_view line, std::string_view shown) {
  if (transcript_) transcript_->said(shown);
  show('C', shown);
  connection_.put(line);
  connection_.put("\r\n");
}

void SmtpClient::set_traces(TraceDesk* desk, std::string next_hop) {
  traces_ = desk;
  next_hop_ = std::move(next_hop);
}

void SmtpClient::show(char side, std::string_view line) {
  if (traces_ == nullptr || !traces_->any()) return;
  const std::string target = target_.text();
  const std::string address =
      target_.is_local() ? target_.socket : target_.endpoint.address().text();
  traces_->show_server({component(), target, login_.name, target_.host, address, next_hop_}, side,
                       line);
}

/// RFC 5321 section 4.2: other codes than 4xx and 5xx are no refusals, and those from 500 to 509
/// and 555 say that the server did not understand us.
void SmtpClient::note_code(const SmtpReply& reply) {
  bool is_odd = reply.code < 400 || reply.code > 599 || reply.code == 555 ||
                (reply.code >= 500 && reply.code < 510);
  if (is_odd) note(ErrorClass::Protocol);
}

std::optional<std::string> SmtpClient::take_complaint() {
  if (!notices_.meet(std::exchange(seen_, {}))) return std::nullopt;
  return transcript_->text();
}

Error SmtpClient::refusal(const SmtpReply& reply, const char* what) {
  note_code(reply);
  return Error(reply.is_permanent() ? reply.code : 451, reply.effective_status(),
               "host " + target_.name() + " " + what + ": " + reply.text());
}

// The beginning of the session.

Task<Result<void>> SmtpClient::open() {
  if (tls_.is_implicit) {
    auto shaking = start_tls(true);
    CO_TRY_DO(co_await std::move(shaking));
  }
  CO_TRY_DO(co_await greet());
  CO_TRY_DO(co_await hello());
  if (!is_secure() && tls_.level != TlsDemand::Level::None) {
    if (!features_.starttls) tls_finding_ = TlsFinding{no_starttls, ""};
    if (features_.starttls) {
      auto shaking = start_tls(false);
      CO_TRY_DO(co_await std::move(shaking));
      // RFC 3207 section 4.2: what the server said before TLS no longer counts.
      if (is_secure()) {
        CO_TRY_DO(co_await hello());
      }
    } else if (tls_.level != TlsDemand::Level::May) {
      co_return unfit(RequireTls::OpportunisticTls, "4.7.4",
                      "TLS is required, but was not offered by host " + target_.name());
    }
  }
  CO_TRY_DO(check_requiretls());
  if (!login_.name.empty()) {
    CO_TRY_DO(co_await log_in());
  }
  co_return Result<void>();
}

/// The error of a session without the TLS it must have. Where at least `least` is made of
/// REQUIRETLS, the mail is returned: RFC 8689 section 4.2.1.
Error SmtpClient::unfit(RequireTls least, EnhancedStatus status, const std::string& text) {
  if (tls_.requiretls < least) return Error::temporary(status, text);
  lacks_requiretls_ = true;
  return Error(550, "5.7.10", "REQUIRETLS: " + text);
}

Result<void> SmtpClient::check_requiretls() {
  if (tls_.requiretls != RequireTls::Enforce || features_.requiretls) return {};
  lacks_requiretls_ = true;
  return Error(550, "5.7.30", "REQUIRETLS" + not_offered());
}

Task<Result<void>> SmtpClient::greet() {
  stage_ = while_greeting;
  CO_TRY(auto greeting, co_await reply(config_->smtp_helo_timeout));
  if (greeting.is_positive()) co_return check_name(greeting, "greeted me");
  is_broken_ = true;
  Error error = refusal(greeting, "refused to talk to me");
  if (greeting.is_permanent() && config_->smtp_skip_5xx_greeting) {
    co_return Error::temporary("4.3.0", error.text());
  }
  co_return error;
}

/// RFC 5321 sections 4.2 and 4.1.1.1: the greeting and the reply to EHLO begin with the server's
/// name. As in Postfix only at the port where mail servers listen: at another port a content filter
/// of this host may pass our own greeting on.
Result<void> SmtpClient::check_name(const SmtpReply& reply, const char* what) {
  // An LMTP server delivers the mail itself; it is often on this host.
  if (reply.lines.empty() || is_lmtp()) return {};
  if (target_.endpoint.port() != config_->smtp_target_port) return {};
  std::string_view line = reply.lines.front();
  if (!equal_nocase(line.substr(0, line.find(' ')), config_->myhostname)) return {};
  is_with_myself_ = true;
  std::string text =
      "host " + target_.name() + " " + what + " with my own hostname " + config_->myhostname;
  log_warning(component(), text);
  return Error::temporary("4.4.6", text);
}

Task<Result<void>> SmtpClient::hello() {
  features_ = PeerFeatures();
  const char* stage = is_lmtp() ? while_lhlo : while_ehlo;
  std::string command = (is_lmtp() ? "LHLO " : "EHLO ") + config_->smtp_helo_name;
  CO_TRY(auto ehlo, co_await ask(std::move(command), config_->smtp_helo_timeout, stage));
  if (ehlo.is_positive()) {
    features_ = PeerFeatures::parse(ehlo, config_->smtp_discard_ehlo_keywords);
    features_.requiretls = features_.requiretls && is_secure();
    co_return check_name(ehlo, "replied to HELO/EHLO");
  }
  // RFC 5321 section 3.2: a server that does not know EHLO gets HELO. RFC 2033 section 4.1: in LMTP
  // there is no such command.
  if (ehlo.is_closing() || !ehlo.is_permanent() || is_secure() || is_lmtp()) {
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
    co_return Error::temporary("4.7.5", "TLS is not available; the log says why (smtp_tls_CAfile)");
  }
  if (!is_implicit) {
    CO_TRY(auto ready, co_await ask("STARTTLS", config_->smtp_starttls_timeout, while_starttls));
    if (!ready.is_positive()) {
      tls_finding_ = TlsFinding{no_starttls, ready.text()};
      bool may_be_plain = tls_.level == TlsDemand::Level::May && login_.name.empty();
      if (may_be_plain && !ready.is_closing()) co_return Result<void>();
      is_broken_ = true;
      std::string_view why = login_.name.empty() ? "is required" : "must protect the login";
      co_return Error::temporary("4.7.5", "TLS " + std::string(why) + ", but host " +
                                              target_.name() +
                                              " refused to start TLS: " + ready.text());
    }
    connection_.take_input();
  }
  stage_ = while_starttls;
  tls_failed_ = true;
  auto made = TlsStream::client(connection_.exchange_stream(nullptr), tls_.context, tls_.server);
  if (!made) {
    is_broken_ = true;
    co_return Error::temporary("4.7.5", "TLS with " + target_.name() + ": " + made.error().text());
  }
  TlsStream* stream = made->get();
  connection_.exchange_stream(*std::move(made));
  co_await stream->handshake(config_->smtp_starttls_timeout);
  tls_failed_ = false;
  co_return judge(*stream);
}

/// Logs what the handshake came to, and refuses a server that is not the one we want.
Result<void> SmtpClient::judge(TlsStream& stream) {
  bool is_demanded = tls_.level == TlsDemand::Level::Verified;
  trust_ = stream.trust();
  if (!tls_.fingerprints.empty()) {
    trust_ = has_fingerprint(stream, tls_) ? PeerTrust::Verified : PeerTrust::Untrusted;
  }
  bool is_good = *trust_ == PeerTrust::Verified;
  bool has_demand = !tls_.server.names.empty() || !tls_.server.associations.empty();
  tls_finding_.emplace();
  if (has_demand && !is_good) tls_finding_ = finding_of(*trust_, stream.certificate_problem());
  std::string where = target_.text();
  if (config_->smtp_tls_loglevel > 0) {
    if (is_demanded && !is_good) {
      std::string problem = stream.certificate_problem();
      bool has_other = !tls_.fingerprints.empty() || problem.empty();
      log_certificate_problem(component(), where, has_other ? "another certificate" : problem);
    }
    LogTls line;
    line.trust = name_of(*trust_);
    line.target = where;
    line.protocol = stream.protocol();
    line.cipher = stream.cipher();
    line.bits = stream.cipher_bits();
    line.details = stream.handshake_details();
    log_tls_to(component(), line);
  }
  if (!is_demanded || is_good) return {};
  is_broken_ = true;
  bool is_trusted = *trust_ == PeerTrust::Trusted;
  return unfit(RequireTls::Enforce, "4.7.5",
               is_trusted ? "Server certificate not verified" : "Server certificate not trusted");
}

Task<> SmtpClient::quit() {
  stage_ = "sending QUIT";
  connection_.set_timeout(config_->smtp_quit_timeout);
  send_line("QUIT");
  co_await connection_.flush();
  connection_.stream().shut_down();
}

}  // namespace pennypost::smtp
