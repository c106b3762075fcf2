#include "smtpd/inbound/session.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/mail/date.h"
#include "common/net/proxy_protocol.h"
#include "common/session/command_table.h"
#include "common/session/starttls.h"
#include "smtpd/inbound/content_checks_filter.h"
#include "smtpd/inbound/mailauth_filter.h"
#include "smtpd/inbound/reject_footer.h"
#include "smtpd/queue/receive_override.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t unsent_bytes_max = 16 * 1024;  // gathered replies are sent at this size
constexpr int commands_per_burst = 32;               // then other sessions get a turn
constexpr Duration linger_time{2000};                // for the client to read the last reply

std::string_view verb_of(std::string_view line) {
  return line.substr(0, line.find_first_of(" \t"));
}

ErrorLimits error_limits(const Settings& settings) {
  ErrorLimits limits;
  limits.soft = settings.smtpd_soft_error_limit;
  limits.hard = settings.smtpd_hard_error_limit;
  limits.junk = settings.smtpd_junk_command_limit;
  limits.delay = settings.smtpd_error_sleep_time;
  return limits;
}

}  // namespace

std::span<const Session::Command> Session::commands() {
  using S = Session;
  constexpr unsigned open = NeedsNothing;
  constexpr unsigned covered = NeedsTls;
  constexpr unsigned mail = NeedsTls | NeedsLogin | NeedsHello;
  static constexpr std::array table{
      //      verb        needs    last   junk   RFC               handler
      Command{"AUTH", covered, true, false, "4954 4", &S::auth},
      Command{"BDAT", mail, false, false, "3030 2", &S::bdat},
      Command{"DATA", mail, true, false, "5321 4.1.1.4", &S::data},
      Command{"EHLO", open | OnlyInSmtp, true, true, "5321 4.1.1.1", &S::ehlo},
      Command{"ETRN", covered | NeedsHello | OnlyInSmtp, true, true, "1985 5", &S::etrn},
      Command{"HELO", open | OnlyInSmtp, true, true, "5321 4.1.1.1", &S::helo},
      Command{"HELP", open, true, true, "5321 4.1.1.8", &S::help},
      Command{"LHLO", open | OnlyInLmtp, true, true, "2033 4.1", &S::lhlo},
      Command{"MAIL", mail, false, false, "5321 4.1.1.2", &S::mail},
      Command{"NOOP", open, true, true, "5321 4.1.1.9", &S::noop},
      Command{"QUIT", open, true, false, "5321 4.1.1.10", &S::quit},
      Command{"RCPT", mail, false, false, "5321 4.1.1.3", &S::rcpt},
      Command{"RSET", open, false, true, "5321 4.1.1.5", &S::rset},
      Command{"STARTTLS", open, true, false, "3207 4", &S::starttls},
      Command{"VRFY", covered, true, true, "5321 4.1.1.6", &S::vrfy},
      Command{"XCLIENT", open, true, true, "", &S::xclient},
      Command{"XFORWARD", open, false, false, "", &S::xforward},
  };
  static_assert(is_command_table(table), "find_command() searches by halves");
  static_assert(table.size() == command_count);
  return table;
}

Session::Session(std::shared_ptr<const ServiceContext> context, std::unique_ptr<Stream> stream,
                 Endpoint peer, Endpoint local, ConnectionCounts::Place place)
    : context_(std::move(context)),
      settings_(context_->settings()),
      connection_(context_->loop(), std::move(stream), settings_.smtpd_timeout),
      trace_(context_->process().traces, connection_),
      peer_(peer),
      local_(local),
      client_address_(peer.address().text()),
      is_in_mynetworks_(context_->is_in_mynetworks(peer.address())),
      errors_(error_limits(settings_)),
      place_(std::move(place)),
      first_mail_by_(context_->loop().now() + settings_.smtpd_first_mail_timeout) {
  connection_.set_deadline(first_mail_by_);
  if (context_->keeps_transcripts()) transcript_ = std::make_unique<Transcript>();
  learn_rights();
  // The first of all: it checks what was sent, and not what others made of it.
  if (context_->checks_authentication()) filters_.add(std::make_unique<MailAuthFilter>(*context_));
  if (context_->proxy_filter() == nullptr && has_content_checks(settings_) &&
      !is_left_out(settings_, no_header_body_checks)) {
    filters_.add(std::make_unique<ContentChecksFilter>(context_->backend(),
                                                       context_->service_name(), settings_));
  }
  if (context_->process().add_filters) context_->process().add_filters(filters_);
}

// Disconnected, from wherever it is thrown, ends the session here and is logged.
Task<> Session::serve() {
  std::optional<Disconnected> end;
  try {
    co_await converse();
  } catch (const Disconnected& disconnected) {
    end = disconnected;
  }
  if (!end) co_return tell_postmaster("");
  bool is_timeout = end->reason() == Disconnected::Reason::Timeout;
  if (end->reason() == Disconnected::Reason::Tls) {
    log_info(context_->log_component(),
             "SSL_accept error from " + peer_text() + ": " + end->text());
  }
  if (is_screened_out_) {
    screen_->note_hangup();
  } else if (!is_draining_) {
    log_broken_off(is_timeout ? "timeout" : "lost connection", stage_, log_peer());
  }
  if (is_timeout) say_goodbye("4.4.2", "Error: timeout exceeded");
  tell_postmaster(is_timeout ? "timeout" : "lost connection");
}

void Session::end() {
  end_transaction();
  milters_.reset();
  if (is_screened_out_) return screen_->note_end();
  log_disconnect(log_peer(), counts());
}

/// Sends a 421 and shuts the stream down (with TLS's close_notify), without waiting.
void Session::say_goodbye(std::string_view status, std::string_view text) {
  std::string wire;
  Reply(421, status, settings_.myhostname + " " + std::string(text)).append_to(wire);
  try {
    bool is_before_tls = tls_ == nullptr && is_implicit_tls(context_->service());
    if (!is_before_tls) connection_.stream().try_write(wire);
    connection_.stream().shut_down();
  } catch (const Disconnected&) {
    // The client has closed the connection first.
  }
}

void Session::say_no_room() {
  log_broken_off("too many connections", stage_, log_peer());
  say_goodbye("4.3.2", "Error: too many connections, try again later");
}

Task<> Session::converse() {
  if (context_->is_proxy(peer_.address())) {
    auto meeting = meet_proxy();
    bool is_welcome = co_await std::move(meeting);
    if (!is_welcome) co_return;
  }
  if (context_->screen_rules() != nullptr && peer_.port() != 0) {
    auto screening = screen();
    bool may_talk = co_await std::move(screening);
    if (!may_talk) co_return co_await connection_.hang_up(linger_time);
  }
  if (is_implicit_tls(context_->service())) co_await secure();
  if (trace_.is_asked()) trace_.hear(traced(), "");
  auto greeting = greet();
  Reply reply = co_await std::move(greeting);
  for (int burst = 1;; ++burst) {
    bool is_last = reply.ends_session();
    bool answers_quit = reply.code() == 221;
    co_await send(std::move(reply));
    if (answers_quit) co_return co_await connection_.part(linger_time);
    if (is_last) co_return co_await connection_.hang_up(linger_time);
    if (burst % commands_per_burst == 0) co_await context_->loop().yield();
    auto next = next_reply();
    reply = co_await std::move(next);
  }
}

/// Takes the client's address from the proxy's header. False if the connection is over: the header
/// is malformed, or the client has too many connections.
Task<bool> Session::meet_proxy() {
  auto header = co_await read_proxy_header(connection_);
  if (!header) {
    log_warning(context_->log_component(), "proxy " + peer_text() + ": " + header.error().text());
    connection_.stream().shut_down();
    co_return false;
  }
  if (header->is_local) co_return true;
  peer_ = header->client;
  local_ = header->server;
  client_address_ = peer_.address().text();
  is_in_mynetworks_ = context_->is_in_mynetworks(peer_.address());
  learn_rights();
  auto too_many = context_->enter(peer_.address(), place_);
  if (!too_many) co_return true;
  if (is_implicit_tls(context_->service())) {
    connection_.stream().shut_down();
    co_return false;
  }
  co_await send(*std::move(too_many));
  co_await connection_.hang_up(linger_time);
  co_return false;
}

/// Looks up the client's name in DNS; delays the greeting by at most smtpd_peername_timeout.
Task<> Session::find_client_name() {
  auto asking = context_->backend().client_name(peer_.address());
  auto found =
      co_await within(context_->loop(), settings_.smtpd_peername_timeout, std::move(asking));
  ClientName name = found ? *std::move(found) : ClientName(true);
  client_name_ = name.name();
  reverse_name_ = name.reverse();
  is_name_lookup_failed_ = name.is_lookup_failed();
}

/// The right to speak for others comes with an address, and lasts as long as the connection.
void Session::learn_rights() {
  may_verp_ = context_->may_verp(peer_.address());
  may_xclient_ = context_->may_xclient(peer_.address());
  may_xforward_ = context_->may_xforward(peer_.address());
}

Task<Reply> Session::greet() {
  if (is_screened_out_) co_return greet_screened();
  // As in Postfix, who comes over a Unix socket is localhost.
  bool is_of_this_host = peer_.port() == 0;
  if (is_of_this_host) client_name_ = reverse_name_ = "localhost";
  if (settings_.smtpd_peername_lookup && !is_of_this_host) co_await find_client_name();
  log_connect(log_peer());
  auto welcoming = welcome();
  co_return co_await std::move(welcoming);
}

/// RFC 5321 section 4.2 and 4.3.1; also after XCLIENT.
Task<Reply> Session::welcome() {
  bool is_wanted = !settings_.smtpd_delay_reject && !settings_.smtpd_client_restrictions.empty();
  auto checking = check("smtpd_client_restrictions", is_wanted);
  auto refused = co_await std::move(checking);
  if (refused) co_return std::move(*refused).and_hang_up();
  if (context_->has_milters()) {
    auto meeting = meet_milters();
    auto ended = co_await std::move(meeting);
    if (ended) co_return *std::move(ended);
  }
  if (filters_.has(Filter::Connect)) {
    auto asking = ask_filters(&FilterChain::connect);
    auto filtered = co_await std::move(asking);
    if (filtered) co_return std::move(*filtered).and_hang_up();
  }
  co_return Reply(220, "", settings_.smtpd_banner);
}

CountClient Session::event(CountClient::Event kind) const {
  CountClient event;
  event.address = peer_.address().client_block().text();
  event.event = kind;
  return event;
}

/// Counts an event and returns whether it exceeds its smtpd_client_..._rate_limit, which is logged.
/// Connections are counted elsewhere.
Task<bool> Session::is_too_often(CountClient::Event kind, Limit limit, std::string_view what) {
  if (limit.is_none() || context_->is_free_of_limits(peer_.address())) co_return false;
  CountClient counted = event(kind);
  auto counts = co_await context_->backend().count(std::move(counted));
  if (!counts || limit.allows(counts->in_unit)) co_return false;
  log_warning(context_->log_component(),
              std::string(what) + " rate limit exceeded: " + std::to_string(counts->in_unit) +
                  " from " + peer_text() + " for service " + std::string(context_->service_name()));
  co_return true;
}

/// Reads one line and answers it.
Task<Reply> Session::next_reply() {
  if (errors_.is_over()) {
    log_broken_off("too many errors", stage_, log_peer());
    co_return Reply(421, "4.7.0", settings_.myhostname + " Error: too many errors");
  }
  if (is_untrusted_) {
    log_broken_off("no trusted client certificate", stage_, log_peer());
    co_return Reply(
        421, "4.7.1",
        settings_.myhostname + " Error: a client certificate that we trust is required");
  }
  if (is_draining_) {
    co_return Reply(421, "4.3.2", settings_.myhostname + " Service shutting down");
  }
  connection_.set_deadline(line_deadline());
  is_waiting_ = true;
  auto bytes_max = settings_.smtpd_command_bytes_max;
  Line line = co_await connection_.line(bytes_max);
  is_waiting_ = false;
  if (transcript_) note_command(line.text);
  if (trace_.is_asked()) show_command(line.text);
  connection_.set_deadline(first_mail_by_);
  bool refuses_bare =
      parse_bare_newline(settings_.smtpd_forbid_bare_newline) == DataScanner::BareNewline::Refuse;
  if (screen_) {
    auto over = screen_line(line);
    if (over) co_return *std::move(over);
  }
  if (!line.has_crlf && refuses_bare && !is_screened_out_) {
    co_return Reply(550, "5.5.2", "Error: bare <LF> received").and_hang_up();
  }
  if (line.is_too_long) {
    Reply reply(500, "5.5.2", "Error: line too long");
    // A chunk follows a BDAT, and its length is unknown.
    if (equal_nocase(verb_of(line.text), "BDAT")) co_return std::move(reply).and_hang_up();
    co_return std::move(reply);
  }
  if (line.text.find('\r') != line.text.npos && refuses_bare) {
    co_return Reply(550, "5.5.2", "Error: bare <CR> received").and_hang_up();
  }
  auto answering = dispatch(line.text);
  co_return co_await std::move(answering);
}

/// The time by which the next command must have arrived.
SteadyTime Session::line_deadline() const {
  auto limit = settings_.smtpd_per_request_deadline;
  if (limit.count() == 0) return first_mail_by_;
  return std::min(first_mail_by_, context_->loop().now() + limit);
}

Task<Reply> Session::dispatch(std::string_view line) {
  auto verb = verb_of(line);
  auto arguments = trim(line.substr(verb.size()));
  const Command* command = find_command(commands(), verb);
  if (command != nullptr && !is_of_protocol(*command)) command = nullptr;
  if (screen_) {
    auto answer = screen_command(verb, line, command);
    if (answer && answer->is_error()) errors_.note_error();
    if (answer) co_return *std::move(answer);
  }
  if (command == nullptr) {
    stage_ = "UNKNOWN";
    ++counts_.back().all;
    if (holds(settings_.smtpd_forbidden_commands, verb) || verb.ends_with(':')) {
      log_warning(context_->log_component(),
                  "non-SMTP command from " + peer_text() + ": " + printable(line, 100));
      co_return Reply(221, "2.7.0", "Error: this is not an SMTP command. Goodbye.");
    }
  }
  if (holds(settings_.smtpd_noop_commands, verb)) {
    errors_.note_junk();
    co_return Reply(250, "2.0.0", "Ok");
  }
  if (command == nullptr) {
    errors_.note_error();
    if (milters_) {
      auto telling = tell_milters_unknown(std::string(verb));
      auto told = co_await std::move(telling);
      if (told) co_return *std::move(told);
    }
    bool is_hello = equal_nocase(verb, "EHLO") || equal_nocase(verb, "HELO");
    co_return Reply(500, "5.5.2",
                    is_hello ? "Error: this is LMTP; say LHLO" : "Error: command not recognized");
  }
  stage_ = command->name;
  Count& count = counts_[static_cast<std::size_t>(command - commands().data())];
  ++count.all;
  if (!is_screened_out_ && has_input_too_early(*command) &&
      settings_.smtpd_forbid_unauth_pipelining) {
    co_return Reply(554, "5.5.0", "Error: SMTP protocol synchronization").and_hang_up();
  }
  if (auto refused = refusal(*command)) {
    errors_.note_error();
    if (command->handler != &Session::bdat) co_return *std::move(refused);
    auto refusing = refuse_chunk(arguments, *std::move(refused));
    co_return co_await std::move(refusing);
  }
  if (command->is_junk) errors_.note_junk();
  auto handling = (this->*command->handler)(arguments);
  Reply reply = co_await std::move(handling);
  if (reply.is_error()) {
    errors_.note_error();
  } else {
    ++count.done;
  }
  co_return std::move(reply);
}

/// RFC 2033 section 4.1: LHLO stands in place of EHLO and HELO, which are no commands of LMTP.
bool Session::is_of_protocol(const Command& command) const {
  unsigned other = context_->is_lmtp() ? OnlyInSmtp : OnlyInLmtp;
  return (command.needs & other) == 0;
}

/// Checks what the row of a command requires before its handler is called.
std::optional<Reply> Session::refusal(const Command& command) const {
  bool is_encrypted = tls_ != nullptr;
  if (command.handler == &Session::bdat && context_->discards_keyword("CHUNKING")) {
    return Reply(502, "5.5.1", "Error: command not implemented");
  }
  if ((command.needs & NeedsTls) != 0 && !is_encrypted && context_->is_tls_required()) {
    return Reply(530, "5.7.0", "Must issue a STARTTLS command first");
  }
  bool needs_hello = settings_.smtpd_helo_required || context_->is_lmtp();
  if ((command.needs & NeedsHello) != 0 && helo_.empty() && needs_hello) {
    return Reply(503, "5.5.1",
                 context_->is_lmtp() ? "Error: send LHLO first" : "Error: send HELO/EHLO first");
  }
  if ((command.needs & NeedsLogin) != 0 && !login_ && settings_.smtpd_sasl_auth_required) {
    if (!offers_auth() && !is_encrypted && context_->offers_tls()) {
      return Reply(530, "5.7.0", "Must issue a STARTTLS command first");
    }
    return Reply(530, "5.7.0", "Authentication required");
  }
  return std::nullopt;
}

/// Whether the client has sent data after a command where it must not. RFC 2920 section 3.1: after
/// some commands it must wait for the reply, and after all if PIPELINING was not offered. Data
/// after QUIT is never read.
bool Session::has_input_too_early(const Command& command) {
  if (!connection_.has_input() || command.handler == &Session::quit) return false;
  // RFC 3030 section 2: a chunk follows its command directly.
  if (command.handler == &Session::bdat) return false;
  bool is_offered = is_extended_ && !context_->discards_keyword("PIPELINING") &&
                    !(screen_ && screen_->hides_pipelining());
  if (is_offered && !command.last_in_pipeline) return false;
  if (!has_sent_early_) log_broken_off("improper command pipelining", stage_, log_peer());
  has_sent_early_ = true;
  return true;
}

Task<> Session::send(Reply reply) {
  if (reply.is_already_sent()) co_return;
  if (settings_.soft_bounce) reply.soften();
  if (reply.is_error()) note_error(reply);
  if (reply.is_error() && context_->has_footer()) co_await add_footer(reply);
  if (context_->discards_keyword("ENHANCEDSTATUSCODES")) reply.drop_status();
  Duration delay = errors_.delay();
  if (reply.is_error() && delay.count() > 0) {
    co_await connection_.flush();
    co_await context_->loop().sleep(delay);
  }
  std::string wire;
  reply.append_to(wire);
  put(wire);
  if (connection_.unsent() > unsent_bytes_max) co_await connection_.flush();
}

/// Adds the footer of smtpd_reject_footer_maps, or else smtpd_reject_footer. If the tables can't be
/// read, only the latter counts.
Task<> Session::add_footer(Reply& reply) {
  std::string footer = settings_.smtpd_reject_footer;
  if (!settings_.smtpd_reject_footer_maps.empty()) {
    FindFooter request;
    request.service = context_->service_name();
    request.refusal = reply.summary();
    auto found = co_await context_->backend().footer(std::move(request));
    if (found && found->is_found) footer = std::move(found->text);
  }
  if (footer.empty()) co_return;
  auto value = [this](std::string_view name) { return footer_value(name); };
  reply.set_text(with_footer(reply.text(), footer, value));
}

std::string Session::footer_value(std::string_view name) const {
  if (name == "client") return peer_text();
  if (name == "client_address") return client_address_;
  if (name == "client_name") return client_name_;
  if (name == "client_port") return std::to_string(peer_.port());
  if (name == "reverse_client_name") return reverse_name_;
  if (name == "helo_name") return helo_;
  if (name == "localtime") return format_date(local_date(context_->process().clock->now_seconds()));
  if (name == "recipient") return footer_recipient_;
  if (name == "sender") return transaction_ ? transaction_->mail.sender.text() : "";
  if (name == "server_address") return local_.address().text();
  if (name == "server_name") return settings_.myhostname;
  if (name == "server_port") return std::to_string(local_.port());
  return "";
}

void Session::drain() {
  is_draining_ = true;
  if (is_idle()) break_off();
}

void Session::break_off() { say_goodbye("4.3.2", "Service shutting down"); }

/// `ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4`, as in Postfix: successful commands, and all if
/// that differs.
std::string Session::counts() const {
  std::string text;
  Count sum;
  auto add = [&](std::string_view name, const Count& count) {
    text += lower(name) + "=" + std::to_string(count.done);
    if (count.done != count.all) text += "/" + std::to_string(count.all);
  };
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const Count& count = counts_[i];
    if (count.all == 0) continue;
    add(i < command_count ? commands()[i].name : "unknown", count);
    text += " ";
    sum.done += count.done;
    sum.all += count.all;
  }
  add("commands", sum);
  return text;
}

Task<> Session::secure() {
  auto tls = context_->process().tls;
  ASSERT(tls != nullptr);
  Duration limit = settings_.smtpd_starttls_timeout;
  stage_ = "STARTTLS";
  TlsStream* stream = co_await start_tls(connection_, tls, limit);
  tls_ = stream;
  if (tls_->asks_for_certificate()) learn_certificate();
  if (settings_.smtpd_tls_loglevel > 0) {
    std::string_view who = "Anonymous";
    if (certificate_) who = certificate_->is_trusted ? "Trusted" : "Untrusted";
    log_tls(who, log_peer(), tls_->protocol(), tls_->cipher(), tls_->cipher_bits());
  }
}

/// smtpd_tls_ask_ccert: remembers the client's certificate, and whether it is trusted.
void Session::learn_certificate() {
  auto shown = tls_->peer_certificate(settings_.smtpd_tls_fingerprint_digest);
  bool is_required = settings_.smtpd_tls_req_ccert && context_->is_tls_mandatory();
  is_untrusted_ = is_required && !(shown && shown->is_trusted);
  certificate_.reset();
  if (!shown) return;
  certificate_ = std::make_unique<ClientCertificate>();
  certificate_->name = std::move(shown->name);
  certificate_->issuer = std::move(shown->issuer);
  certificate_->fingerprint = std::move(shown->fingerprint);
  certificate_->key_fingerprint = std::move(shown->key_fingerprint);
  certificate_->is_trusted = shown->is_trusted;
}

}  // namespace pennypost::smtp
