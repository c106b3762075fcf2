#include "smtpd/scheduler/address_verifier.h"

#include "common/base/text.h"
#include "common/base/wire.h"
#include "common/log/log.h"
#include "smtpd/queue/queue_id.h"
#include "smtpd/routing/expansion.h"
#include "smtpd/scheduler/outcomes.h"

namespace pennypost::smtp {
namespace {

using Verified = VerifyAddress::Verified;

constexpr std::size_t reason_bytes_max = 500;

std::string key_of(const std::string& address) { return "v/" + lower(address); }

Verified unknown(std::string reason) {
  Verified verified;
  verified.reason = std::move(reason);
  return verified;
}

Verified deliverable(std::string reason) {
  Verified verified;
  verified.state = AddressState::Deliverable;
  verified.reason = std::move(reason);
  return verified;
}

Verified verified_by(const Outcome& outcome) {
  Verified verified;
  verified.reason = printable(outcome.reason, reason_bytes_max);
  bool is_taken = outcome.kind == OutcomeKind::Delivered || outcome.kind == OutcomeKind::Discarded;
  if (is_taken) verified.state = AddressState::Deliverable;
  if (outcome.kind == OutcomeKind::Bounce) verified.state = AddressState::Undeliverable;
  return verified;
}

/// address_verify_sender with its domain; empty for the null sender.
std::string probe_sender(const Config& config) {
  const std::string& setting = config.address_verify_sender;
  if (setting.empty() || setting == "<>") return "";
  auto address = complete_address(setting, config);
  return address ? *std::move(address) : "";
}

void log_attempt(const std::string& id, const Recipient& recipient, const Route& route,
                 const Outcome& outcome, int process) {
  LogDelivery line;
  line.component = route.transport == Transport::Lmtp ? "lmtp" : "smtp";
  line.process = process;
  line.queue_id = id;
  line.recipient = recipient.address;
  line.original = recipient.original;
  line.relay = outcome.relay;
  line.dsn = outcome.status;
  line.status = outcome.kind == OutcomeKind::Delivered ? "deliverable"
                : outcome.kind == OutcomeKind::Bounce  ? "undeliverable"
                                                       : "deferred";
  line.reason = outcome.reason;
  log_delivery(line);
}

}  // namespace

AddressVerifier::AddressVerifier(Loop& loop, QueuePeers peers, FactStore& facts,
                                 LocalSockets& local_sockets, const Clock& clock)
    : loop_(loop),
      peers_(std::move(peers)),
      facts_(facts),
      local_sockets_(local_sockets),
      clock_(clock),
      tasks_(loop) {}

Task<Verified> AddressVerifier::verify(std::string address) {
  auto looking = facts_.find(key_of(address));
  auto found = co_await std::move(looking);
  if (found) {
    auto kept = wire::decode<Kept>(*found);
    if (kept) {
      if (is_stale(*kept)) begin(address);
      Verified known;
      known.state = kept->state;
      known.reason = std::move(kept->reason);
      co_return known;
    }
  }
  auto pending = begin(address);
  if (pending == nullptr) co_return unknown("too many addresses are being verified");
  while (!pending->result) co_await pending->ended.wait();
  co_return *pending->result;
}

/// Whether it is time to find out again.
bool AddressVerifier::is_stale(const Kept& kept) const {
  auto config = peers_.config();
  auto age = std::chrono::seconds(clock_.now_seconds() - kept.updated);
  if (kept.state == AddressState::Deliverable) {
    return age >= config->address_verify_positive_refresh_time;
  }
  return kept.state == AddressState::Undeliverable &&
         age >= config->address_verify_negative_refresh_time;
}

/// Starts to find out, or joins who does so already; null: too many are under way.
std::shared_ptr<AddressVerifier::Pending> AddressVerifier::begin(const std::string& address) {
  std::string key = lower(address);
  auto known = pending_.find(key);
  if (known != pending_.end()) return known->second;
  if (pending_.size() >= peers_.config()->address_verify_pending_request_limit) return nullptr;
  auto pending = std::make_shared<Pending>(loop_);
  pending_.emplace(std::move(key), pending);
  tasks_.start(find_out(address, pending));
  return pending;
}

Task<> AddressVerifier::find_out(std::string address, std::shared_ptr<Pending> pending) {
  auto asking = ask(address);
  auto found = co_await within(loop_, attempt_time_max, std::move(asking));
  pending->result = found ? *std::move(found) : unknown("the other host takes too long");
  auto looking = facts_.find(key_of(address));
  auto before = co_await std::move(looking);
  keep(address, *pending->result, before.has_value());
  pending_.erase(lower(address));
  pending->ended.notify_all();
}

void AddressVerifier::keep(const std::string& address, const Verified& found, bool was_known) {
  auto config = peers_.config();
  std::chrono::seconds life = unknown_life;
  if (found.state == AddressState::Deliverable) life = config->address_verify_positive_expire_time;
  if (found.state == AddressState::Undeliverable) {
    if (!config->address_verify_negative_cache) return;
    life = config->address_verify_negative_expire_time;
  }
  if (found.state == AddressState::Unknown && was_known) return;
  Kept kept;
  kept.state = found.state;
  kept.reason = found.reason;
  kept.updated = clock_.now_seconds();
  facts_.keep(key_of(address), wire::encode(kept), kept.updated + life.count());
}

/// Follows the address to where its mail goes, and asks there.
Task<Verified> AddressVerifier::ask(std::string address) {
  Resolve question;
  question.sender = probe_sender(*peers_.config());
  question.is_probe = true;
  question.recipient.number = 1;
  question.recipient.address = question.recipient.original = address;
  for (int followed = 0; followed <= followed_max; ++followed) {
    auto asking = peers_.port("lookup").call(question);
    auto resolution = co_await std::move(asking);
    if (!resolution) co_return unknown(printable(resolution.error().text(), reason_bytes_max));
    bool has_one = resolution->is_expansion && resolution->children.size() == 1 &&
                   resolution->children.front().kind == RecipientKind::Address &&
                   !resolution->children.front().is_self;
    if (resolution->is_expansion && !has_one) co_return deliverable("aliased");
    if (resolution->is_expansion) {
      question.recipient = std::move(resolution->children.front());
      question.recipient.number = 1;
      continue;
    }
    if (auto outcome = outcome_of_route(resolution->route)) co_return verified_by(*outcome);
    if (!is_sent(resolution->route.transport)) co_return deliverable("delivers to mailbox");
    auto attempting = attempt(std::move(question.recipient), std::move(resolution->route));
    co_return co_await std::move(attempting);
  }
  co_return unknown("the address is aliased too often");
}

Task<Verified> AddressVerifier::attempt(Recipient recipient, Route route) {
  struct Place {
    explicit Place(std::map<std::string, std::size_t>& in, std::string of)
        : all(in), hop(std::move(of)) {
      ++all[hop];
    }
    ~Place() {
      if (--all[hop] == 0) all.erase(hop);
    }
    std::map<std::string, std::size_t>& all;
    std::string hop;
  };
  Place place(attempts_, comparable_next_hop(route));
  if (attempts_[place.hop] > attempts_per_hop_max) {
    co_return unknown("too many addresses of this host are being verified");
  }
  Probe probe;
  Attempt& request = probe.attempt;
  request.envelope.id = make_queue_id(clock_);
  request.envelope.arrival = clock_.now().count();
  request.envelope.sender = probe_sender(*peers_.config());
  request.envelope.is_local = true;
  request.envelope.is_smtputf8 = !is_ascii(recipient.address);
  request.envelope.recipients.push_back(recipient);
  request.route = route;
  LocalSockets::Permit permit(local_sockets_, route);
  auto call = peers_.port("send").call(probe);
  auto answer = co_await std::move(call);
  if (!answer) co_return unknown(printable(answer.error().text(), reason_bytes_max));
  if (answer->outcomes.size() != 1) co_return unknown("the send process gave no answer");
  const Outcome& outcome = answer->outcomes.front();
  log_attempt(request.envelope.id.value(), recipient, route, outcome, answer->process);
  co_return verified_by(outcome);
}

}  // namespace pennypost::smtp
