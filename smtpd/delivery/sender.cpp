#include "smtpd/delivery/sender.h"

#include <algorithm>

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mailauth/tlsrpt_record.h"
#include "smtpd/queue/double_bounce.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t remembered_keys_max = 10'000;
constexpr std::size_t finding_bytes_max = 200;

std::int64_t microseconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<Microseconds>(to - from).count();
}

}  // namespace

// Connections.

TcpConnector::TcpConnector(Loop& loop, const Config& config)
    : loop_(loop), timeout_(config.smtp_connect_timeout) {
  auto v4 = IpAddress::parse(config.smtp_bind_address);
  if (v4) bind_v4_ = *v4;
  auto v6 = IpAddress::parse(config.smtp_bind_address6);
  if (v6) bind_v6_ = *v6;
}

Task<Result<std::unique_ptr<Stream>>> TcpConnector::connect(Target target) {
  auto bind_to = target.endpoint.address().is_v4() ? bind_v4_ : bind_v6_;
  auto work = Socket::connect(loop_, target.endpoint, timeout_, bind_to);
  auto socket = co_await std::move(work);
  if (socket) {
    std::unique_ptr<Stream> stream = std::move(*socket);
    co_return stream;
  }
  std::string_view text = socket.error().text();
  std::string where = "connect to " + target.endpoint.text() + ": ";
  if (text.starts_with(where)) text.remove_prefix(where.size());
  co_return Error::temporary(std::string(text));
}

// An attempt.

struct Sender::Work {
  Work(Attempt of, Descriptor body)
      : attempt(std::move(of)), source(attempt.envelope, std::move(attempt.body), std::move(body)) {
    for (const auto& recipient : attempt.envelope.recipients) slots.emplace_back(recipient);
    const Route& route = attempt.route;
    key = route.next_hop + '\n' + route.tls_policy + '\n' + route.credentials + '\n' +
          std::to_string(static_cast<int>(route.sts.mode));
    // Such mail has sessions of its own, since other TLS is asked of them.
    if (attempt.envelope.requires_tls) key += "\nREQUIRETLS";
    if (attempt.envelope.forgoes_tls()) key += "\nTLS-Required: No";
  }
  std::vector<Slot*> open() {
    std::vector<Slot*> list;
    for (auto& slot : slots) {
      if (slot.is_open()) list.push_back(&slot);
    }
    return list;
  }
  bool is_done() { return may_be_taken || is_refused || open().empty(); }
  /// The error for recipients that no host has answered.
  void fail(const Error& error, std::string of_relay = "none") {
    failure = error;
    relay = std::move(of_relay);
  }
  /// The same for a host that can't have mail with REQUIRETLS: one that may have it later counts
  /// for more.
  void fail_requiretls(const Error& error, std::string of_relay) {
    bool may_go_later = failure && failure->is_temporary();
    if (!may_go_later) fail(error, std::move(of_relay));
  }

  Attempt attempt;
  MessageSource source;
  FallbackHop hop;  // the hop whose hosts are being tried
  std::string key;
  std::vector<Slot> slots;
  std::unique_ptr<SmtpClient> client;
  std::size_t sessions = 0;           // with hosts of `hop`, that got as far as a transaction
  std::optional<TlsFinding> finding;  // of the session in hand
  bool is_probe = false;
  bool may_be_taken = false;
  bool is_refused = false;  // a host refused for all hosts: no other is tried
  std::optional<Error> failure;
  std::string relay = "none";
  SteadyTime begun = std::chrono::steady_clock::now();
  SteadyTime connected = begun;
};

Sender::Sender(Loop& loop, Protocol protocol, std::shared_ptr<const Config> config,
               Resolver& resolver, Connector& connector, ClientContexts tls)
    : loop_(loop),
      protocol_(protocol),
      config_(std::move(config)),
      resolver_(resolver),
      connector_(connector),
      tls_(config_, resolver, std::move(tls)),
      settings_(protocol_ == Protocol::Lmtp ? TargetSettings::for_lmtp(*config_)
                                            : TargetSettings::from(*config_)),
      expiry_(loop, [this] { drop_expired(); }),
      quitting_(loop),
      asking_(loop) {}

Result<NextHop> Sender::parse(const std::string& next_hop) const {
  return protocol_ == Protocol::Lmtp ? NextHop::parse_lmtp(next_hop) : NextHop::parse(next_hop);
}

/// The host of a next hop; empty for a Unix socket.
std::string Sender::host_of(const std::string& next_hop) const {
  auto hop = parse(next_hop);
  return hop ? hop->host : next_hop;
}

Task<Attempt::Outcomes> Sender::send(Attempt attempt, Descriptor body) {
  return run(std::move(attempt), std::move(body), false);
}

Task<Attempt::Outcomes> Sender::probe(Attempt attempt) {
  return run(std::move(attempt), Descriptor(), true);
}

Task<Attempt::Outcomes> Sender::run(Attempt attempt, Descriptor body, bool is_probe) {
  Work work(std::move(attempt), std::move(body));
  work.is_probe = is_probe;
  ++active_;
  ++active_by_key_[work.key];
  struct Leave {
    ~Leave() {
      --sender.active_;
      if (--sender.active_by_key_[key] == 0) sender.active_by_key_.erase(key);
      if (sender.last_by_key_.size() >= remembered_keys_max) sender.last_by_key_.clear();
      sender.last_by_key_[key] = sender.loop_.now();
    }
    Sender& sender;
    const std::string& key;
  } leave{*this, work.key};

  co_await over_kept_session(work);
  Route& route = work.attempt.route;
  work.hop = route.hop();
  for (auto fallback = route.fallbacks.begin();; ++fallback) {
    auto hop = parse(work.hop.next_hop);
    if (hop && !work.is_done()) {
      co_await over_hop(work, std::move(*hop));
    } else if (!hop) {
      work.fail(hop.error());
    }
    // Mail that loops would also loop through the fallback relay.
    bool loops = work.failure && is_loop(*work.failure);
    if (loops || fallback == route.fallbacks.end()) break;
    work.hop = *fallback;
  }

  Attempt::Outcomes outcomes;
  auto ended = std::chrono::steady_clock::now();
  for (auto& slot : work.slots) {
    if (!slot.outcome) {
      const Error error = work.failure ? *work.failure : Error::temporary("no host was tried");
      bool is_final = !error.is_temporary();
      auto otherwise = is_final ? EnhancedStatus("5.0.0") : EnhancedStatus("4.4.1");
      slot.set(is_final ? OutcomeKind::Bounce : OutcomeKind::Retry,
               error.status().value_or(otherwise).text(), error.text());
      slot.outcome->relay = work.relay;
    }
    slot.outcome->connected_microseconds = microseconds(work.begun, work.connected);
    slot.outcome->transmitted_microseconds = microseconds(work.connected, ended);
    outcomes.outcomes.push_back(std::move(*slot.outcome));
  }
  co_return std::move(outcomes);
}

Task<> Sender::over_kept_session(Work& work) {
  work.client = take(work.key);
  if (work.client == nullptr) co_return;
  work.connected = std::chrono::steady_clock::now();
  auto slots = work.open();
  try {
    work.client->set_probe(work.is_probe);
    co_await work.client->deliver(work.attempt.envelope, work.source, std::move(slots));
  } catch (const Disconnected& why) {
    // The server has closed the kept session meanwhile: go on with a new connection, unless it may
    // have the message.
    if (work.client->may_be_taken()) lost(work, why);
  }
  co_await end_session(work);
}

/// The error for a next hop that does not exist. If an admin named it, the configuration is at
/// fault, not the message: it waits.
Error Sender::configuration_problem(const Work& work, const Error& error) const {
  bool is_relayhost = work.hop.next_hop == config_->relayhost;
  if (protocol_ != Protocol::Lmtp && !is_relayhost) return error;
  std::string text = is_relayhost ? "relayhost" : "LMTP server";
  text += " configuration problem: " + error.text();
  bool is_fault = is_loop(error) || !error.is_temporary();
  if (is_fault) log_warning(component(), text);
  return is_fault && !is_loop(error) ? Error::temporary("4.3.5", text) : error;
}

Task<> Sender::over_hop(Work& work, NextHop hop) {
  auto finding = find_targets(resolver_, hop, settings_);
  auto targets = co_await std::move(finding);
  if (!targets) {
    work.fail(configuration_problem(work, targets.error()));
    co_return;
  }
  Limit sessions_max = config_->smtp_mx_session_limit;
  work.sessions = 0;
  for (const auto& target : *targets) {
    bool loops = work.failure && is_loop(*work.failure);
    if (loops || work.is_done() || !sessions_max.has_room_beside(work.sessions)) co_return;
    co_await over_host(work, target, true);
  }
}

TlsChoice::Hop Sender::tls_hop(const Envelope& envelope, const FallbackHop& hop,
                               const StsPolicy& sts) const {
  TlsChoice::Hop of;
  of.host = host_of(hop.next_hop);
  // RFC 8689 section 4.3 passes over what the recipient's domain asks for. What the admin demands
  // of a host that is logged in to holds: it is about our password.
  if (envelope.forgoes_tls() && hop.credentials.empty()) {
    of.tls_policy = config_->smtp_tls_security_level == "none" ? "none" : "may";
    return of;
  }
  if (envelope.requires_tls) {
    // Section 4.2.1 is about mail with a return path, and section 5: a report should not be lost.
    bool is_report = envelope.sender.empty();
    of.requiretls =
        is_report ? std::min(hop.requiretls, RequireTls::Opportunistic) : hop.requiretls;
  }
  of.tls_policy = hop.tls_policy;
  of.trust_anchors = hop.trust_anchors;
  of.sts = sts;
  return of;
}

/// The TLS of a session with `target`. MTA-STS is about the mail's own next hop, not about relays
/// of ours.
Task<Result<TlsDemand>> Sender::tls_demand(const Work& work, Target target,
                                           TlsResult& result) const {
  const Route& route = work.attempt.route;
  bool is_fallback = work.hop.next_hop != route.next_hop;
  const Envelope& envelope = work.attempt.envelope;
  auto hop = tls_hop(envelope, work.hop, is_fallback ? StsPolicy() : route.sts);
  std::optional<TlsChoice::Hop> destination;
  if (is_fallback) destination = tls_hop(envelope, route.hop(), route.sts);
  auto choosing = tls_.choose(std::move(target), std::move(hop), std::move(destination), result);
  co_return co_await std::move(choosing);
}

Task<> Sender::over_host(Work& work, Target target, bool with_tls) {
  TlsResult result;
  auto choosing = tls_demand(work, target, result);
  auto demand = co_await std::move(choosing);
  result.receiving_mx = target.host;
  result.receiving_ip = target.endpoint.address().text();
  if (!demand) {
    if (!result.kind.empty()) tell_result(work, std::move(result), std::nullopt);
    const Error& error = demand.error();
    if (error.is_temporary()) work.fail(error);
    if (!error.is_temporary()) work.fail_requiretls(error, "none");
    co_return;
  }
  if (!with_tls) demand->level = TlsDemand::Level::None;
  auto connecting = connector_.connect(target);
  auto stream = co_await std::move(connecting);
  if (!stream) {
    work.connected = std::chrono::steady_clock::now();
    work.fail(
        Error::temporary("4.4.1", "connect to " + target.text() + ": " + stream.error().text()));
    co_return;
  }
  if (auto* socket = dynamic_cast<Socket*>(stream->get())) {
    result.sending_ip = socket->local().address().text();
  }
  auto login = Login::parse(work.hop.credentials);
  // An attacker who breaks the handshake must not get the password or a session in plain text.
  bool may_be_plain = demand->level == TlsDemand::Level::May && login.name.empty();
  work.client = std::make_unique<SmtpClient>(loop_, protocol_, config_, std::move(*stream), target,
                                             std::move(*demand), std::move(login));
  work.client->set_traces(traces_, host_of(work.hop.next_hop));
  bool wants_plain = false;
  co_await run_session(work, wants_plain);
  if (work.finding) tell_result(work, std::move(result), std::exchange(work.finding, {}));
  co_await end_session(work);
  if (wants_plain && may_be_plain) {
    log_info(component(), "TLS with " + target.name() + " failed, trying again without it");
    co_await over_host(work, target, false);
  }
}

Task<> Sender::run_session(Work& work, bool& wants_plain) {
  try {
    auto opened = co_await work.client->open();
    work.finding = work.client->tls_finding();
    work.connected = std::chrono::steady_clock::now();
    if (!opened) {
      Error error = opened.error();
      if (work.client->is_with_myself()) error = loop_of(work);
      std::string relay = work.client->target().text();
      bool is_unfit = work.client->lacks_requiretls();
      if (is_unfit) work.fail_requiretls(error, std::move(relay));
      if (!is_unfit) work.fail(error, std::move(relay));
      work.is_refused = !error.is_temporary() && !is_unfit;
      co_return;
    }
    // As in Postfix, hosts that refuse at the greeting don't count.
    ++work.sessions;
    tell_tls(work);
    auto slots = work.open();
    work.client->set_probe(work.is_probe);
    co_await work.client->deliver(work.attempt.envelope, work.source, std::move(slots));
  } catch (const Disconnected& why) {
    wants_plain = work.client->tls_failed();
    if (wants_plain) work.finding = TlsFinding{"validation-failure", why.text()};
    lost(work, why);
  }
}

/// The error for a server that has our own name. If it is only a backup MX, a better one may take
/// the mail later, so the error is temporary.
Error Sender::loop_of(const Work& work) const {
  Error error = loop_error(host_of(work.hop.next_hop));
  if (!work.client->target().is_backup) return error;
  return Error::temporary("4.4.6", error.text());
}

/// Notes a broken connection as the failure of the recipients without an answer.
void Sender::lost(Work& work, const Disconnected& why) {
  const auto& client = *work.client;
  std::string host = client.target().name();
  EnhancedStatus status = "4.4.2";
  std::string text;
  if (client.tls_failed()) {
    status = "4.7.5";
    text = "Cannot start TLS with " + host + ": " + printable(why.text());
  } else if (why.reason() == Disconnected::Reason::Timeout) {
    text = "conversation with " + host + " timed out while " + client.stage();
  } else {
    text = "lost connection with " + host + " while " + client.stage();
  }
  work.may_be_taken = client.may_be_taken();
  work.fail(Error::temporary(status, text), client.target().text());
}

// Kept sessions.

Task<> Sender::end_session(Work& work) {
  if (work.client == nullptr) co_return;
  auto client = std::move(work.client);
  tell_postmaster(work, *client);
  bool is_usable = client->is_usable() && client->messages() > 0 && !work.failure;
  if (is_usable && is_busy(work.key)) {
    keep(work.key, std::move(client));
  } else if (client->is_usable()) {
    quitting_.start(say_quit(std::move(client)));
  }
}

/// Nobody is told of the delivery of a notice: that might lead to the next one.
void Sender::tell_postmaster(const Work& work, SmtpClient& client) const {
  auto complaint = client.take_complaint();
  if (!complaint || !tell_ || is_double_bounce(work.attempt.envelope.sender, *config_)) return;
  PostNotice notice;
  notice.role = protocol_ == Protocol::Lmtp ? "LMTP client" : "SMTP client";
  notice.peer = client.target().text();
  notice.transcript = *std::move(complaint);
  tell_(notice);
}

void Sender::tell_tls(const Work& work) const {
  bool is_kept = config_->smtp_tls_best_levels_max > 0 && protocol_ == Protocol::Smtp;
  if (!is_kept || !tell_tls_) return;
  auto trust = work.client->trust();
  NoteTls note;
  note.next_hop = host_of(work.hop.next_hop);
  note.target = work.client->target().text();
  note.worth = !trust                          ? TlsWorth::Plain
               : *trust == PeerTrust::Verified ? TlsWorth::Verified
               : *trust == PeerTrust::Trusted  ? TlsWorth::Trusted
                                               : TlsWorth::Untrusted;
  tell_tls_(note);
}

/// RFC 8460 section 5.3: sessions that bring a report are not reported themselves; nor is mail that
/// forgoes TLS.
void Sender::tell_result(const Work& work, TlsResult result,
                         const std::optional<TlsFinding>& finding) {
  bool is_told = tell_result_ && config_->smtp_tlsrpt_enable && protocol_ == Protocol::Smtp &&
                 !result.policy_type.empty() && !work.attempt.envelope.forgoes_tls();
  if (!is_told || results_asked_ >= results_asked_max) return;
  // What was wrong before the session stays what is wrong.
  if (result.kind.empty() && finding) {
    result.kind = finding->kind;
    result.reason = printable(finding->reason, finding_bytes_max);
  }
  NoteTlsResult note;
  note.domain = lower(host_of(work.hop.next_hop));
  note.result = std::move(result);
  asking_.start(tell_if_wanted(std::move(note)));
}

Task<> Sender::tell_if_wanted(NoteTlsResult note) {
  ++results_asked_;
  auto answer = co_await resolver_.txt("_smtp._tls." + note.domain);
  --results_asked_;
  if (answer.is_found() && tlsrpt_uris(answer.values)) tell_result_(note);
}

Task<> Sender::say_quit(std::unique_ptr<SmtpClient> client) {
  try {
    co_await client->quit();
  } catch (const Disconnected&) {
    // The server has closed the connection first.
  }
}

/// Whether more mail for this next hop is being sent, or was within connection_cache_ttl_limit.
bool Sender::is_busy(const std::string& key) const {
  if (!config_->smtp_connection_cache_on_demand) return false;
  auto now = active_by_key_.find(key);
  if (now != active_by_key_.end() && now->second > 1) return true;
  auto last = last_by_key_.find(key);
  return last != last_by_key_.end() &&
         loop_.now() - last->second < config_->connection_cache_ttl_limit;
}

void Sender::keep(const std::string& key, std::unique_ptr<SmtpClient> client) {
  Limit count_max = config_->smtp_connection_reuse_count_limit;
  bool is_worn = !count_max.has_room_beside(client->messages()) ||
                 loop_.now() - client->opened() >= config_->smtp_connection_reuse_time_limit;
  if (is_worn || config_->connection_cache_ttl_limit.count() == 0) {
    quitting_.start(say_quit(std::move(client)));
    return;
  }
  if (kept_.size() >= cached_sessions_max) drop(kept_.begin());
  auto end = std::min(loop_.now() + config_->connection_cache_ttl_limit,
                      client->opened() + config_->smtp_connection_reuse_time_limit);
  auto later = std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.end > end; });
  kept_.insert(later, Kept{key, std::move(client), end});
  expiry_.start(kept_.front().end);
}

void Sender::drop_expired() {
  while (!kept_.empty() && kept_.front().end <= loop_.now()) drop(kept_.begin());
  if (!kept_.empty()) expiry_.start(kept_.front().end);
}

std::unique_ptr<SmtpClient> Sender::take(const std::string& key) {
  auto found =
      std::find_if(kept_.begin(), kept_.end(), [&](const auto& kept) { return kept.key == key; });
  if (found == kept_.end()) return nullptr;
  auto client = std::move(found->client);
  kept_.erase(found);
  return client;
}

void Sender::drop(std::list<Kept>::iterator kept) {
  auto client = std::move(kept->client);
  kept_.erase(kept);
  quitting_.start(say_quit(std::move(client)));
}

void Sender::close_sessions() {
  while (!kept_.empty()) drop(kept_.begin());
}

}  // namespace pennypost::smtp
