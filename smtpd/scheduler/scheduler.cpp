#include "smtpd/scheduler/scheduler.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/status.h"
#include "smtpd/scheduler/retry.h"

namespace pennypost::smtp {
namespace {

constexpr std::int64_t busy_seconds = 30;  // until mail turned away by a busy destination returns
constexpr std::chrono::hours longest_sleep{1};  // the wall clock may be set meanwhile
constexpr int damaged = static_cast<int>(store::StorageProblem::Damaged);

/// Recipients of one message that go the same way.
std::string group_key(const Route& route, const std::string& run_as, const std::string& sender) {
  std::string key = std::to_string(static_cast<int>(route.transport));
  for (const auto& part : {lower(route.next_hop), route.account.name, run_as, sender}) {
    key += '\n' + part;
  }
  return key;
}

std::string component_of(Transport transport) {
  switch (transport) {
    case Transport::Smtp:
      return "smtp";
    case Transport::Error:
      return "error";
    case Transport::Pipe:
      return "pipe";
    default:
      return "local";
  }
}

std::string transport_name(Transport transport) {
  return transport == Transport::Smtp    ? "smtp"
         : transport == Transport::Error ? "error"
         : transport == Transport::Pipe  ? "pipe"
                                         : "local";
}

Outcome outcome_from(const Error& error, OutcomeKind kind) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.relay = "none";
  std::string_view text = error.text();
  auto status = EnhancedStatus::take(text);
  outcome.status = status ? status->text() : kind == OutcomeKind::Bounce ? "5.3.0" : "4.3.0";
  outcome.reason = text;
  return outcome;
}

/// Whether an attempt failed because of the host, not because of the message (RFC 3463 section
/// 3.5: network and routing status).
bool is_connection_failure(const std::vector<Outcome>& outcomes) {
  return !outcomes.empty() && std::ranges::all_of(outcomes, [](const Outcome& outcome) {
    return outcome.kind == OutcomeKind::Retry && outcome.status.starts_with("4.4.");
  });
}

}  // namespace

struct Scheduler::Active {
  explicit Active(QueueId of) : id(std::move(of)) {}
  QueueId id;
  std::unique_ptr<QueuedMessage> message;
  std::optional<std::string> body;
  Microseconds since{0};
  std::int64_t due = 0;
  bool is_uncertain = false;
  bool is_flushed = false;    // tried whatever defer_transports says
  bool was_refused = false;   // a destination had no place for it
  bool was_deferred = false;  // an attempt was made, or none is possible now
  bool is_repeatable = true;  // all it has led to would be found by another attempt
  std::set<std::uint32_t> tried;
  std::size_t groups_left = 0;
  // What an admin asked for meanwhile.
  bool is_to_be_removed = false;
  bool is_to_be_flushed = false;
  bool is_to_be_held = false;
  bool is_to_be_requeued = false;
};

struct Scheduler::Group {
  Route route;
  std::string run_as;
  std::string sender;
  std::vector<std::uint32_t> recipients;
  Microseconds begun{0};
};

Scheduler::Scheduler(Loop& loop, Queue& queue, Peers peers, const Clock& clock)
    : loop_(loop),
      queue_(queue),
      peers_(std::move(peers)),
      clock_(clock),
      changed_(loop),
      ended_(loop),
      wake_(loop, [this] { changed_.notify_all(); }),
      tasks_(loop) {
  queue_.committer().on_change([this] { changed_.notify_all(); });
  tasks_.start(run());
}

Scheduler::~Scheduler() { tasks_.cancel(); }

void Scheduler::begin(const std::vector<Queue::Waiting>& waiting, bool is_uncertain) {
  for (const auto& one : waiting) {
    Waiting entry;
    entry.due = one.due;
    entry.is_held = one.is_held;
    entry.is_new = one.is_new;
    entry.is_uncertain = is_uncertain;
    wait_until_due(one.id.value(), std::move(entry));
  }
  changed_.notify_all();
}

Task<Result<void>> Scheduler::submit(Envelope envelope, std::string body, Changes extra) {
  const std::string id = envelope.id.value();
  if (waiting_.contains(id) || active_.contains(id) || submitting_.contains(id)) {
    co_return Error(501, "5.5.4 the queue id is in use");
  }
  if (static_cast<std::int64_t>(size()) >= peers_.config()->queue_messages_max) {
    co_return Error(452, "4.3.1 too many messages wait");
  }
  Waiting entry;
  entry.is_new = true;
  entry.is_held = envelope.is_held;
  entry.due = envelope.arrival / 1'000'000;
  if (!entry.is_held && cached_body_bytes_ + body.size() <= cached_body_bytes_max) {
    entry.message = std::make_unique<QueuedMessage>(envelope);
    if (!envelope.body_is_file) entry.body = body;
  }
  submitting_.insert(id);
  auto work = queue_.submit(std::move(envelope), std::move(body), std::move(extra));
  auto taken = co_await std::move(work);
  submitting_.erase(id);
  if (!taken) co_return std::move(taken).error();
  wait_until_due(id, std::move(entry));
  changed_.notify_one();
  co_return Result<void>();
}

// What waits.

void Scheduler::wait_until_due(const std::string& id, Waiting entry) {
  if (!entry.is_held) {
    if (entry.is_new) {
      new_.push_back(id);
    } else {
      deferred_.emplace(entry.due, id);
    }
  }
  if (entry.body) cached_body_bytes_ += entry.body->size();
  waiting_[id] = std::move(entry);
}

void Scheduler::stop_waiting(const std::string& id) {
  auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  deferred_.erase({found->second.due, id});
  if (found->second.body) cached_body_bytes_ -= found->second.body->size();
  waiting_.erase(found);  // from new_ it goes when its turn comes
}

/// New mail and deferred mail take turns.
std::optional<std::string> Scheduler::next_due(std::int64_t seconds) {
  auto next_new = [&]() -> std::optional<std::string> {
    while (!new_.empty()) {
      std::string id = std::move(new_.front());
      new_.pop_front();
      auto found = waiting_.find(id);
      if (found != waiting_.end() && found->second.is_new && !found->second.is_held) return id;
    }
    return std::nullopt;
  };
  auto next_deferred = [&]() -> std::optional<std::string> {
    if (deferred_.empty() || deferred_.begin()->first > seconds) return std::nullopt;
    return deferred_.begin()->second;
  };
  turn_of_new_ = !turn_of_new_;
  auto id = turn_of_new_ ? next_new() : next_deferred();
  if (!id) id = turn_of_new_ ? next_deferred() : next_new();
  return id;
}

Task<> Scheduler::run() {
  for (;;) {
    admit();
    co_await changed_.wait();
  }
}

void Scheduler::admit() {
  auto active_max = static_cast<std::size_t>(peers_.config()->qmgr_message_active_limit);
  while (!draining_ && queue_.committer().is_writable() && active_.size() < active_max) {
    auto id = next_due(now());
    if (!id) break;
    start(*id);
  }
  forget_idle_destinations();
  if (!deferred_.empty()) {
    Duration sleep =
        std::chrono::seconds(std::max<std::int64_t>(1, deferred_.begin()->first - now()));
    wake_.start(std::min<Duration>(sleep, longest_sleep));
  }
}

void Scheduler::start(const std::string& id) {
  auto found = waiting_.find(id);
  ASSERT(found != waiting_.end());
  auto active = std::make_shared<Active>(QueueId(id));
  active->message = std::move(found->second.message);
  active->body = found->second.body;
  active->is_uncertain = found->second.is_uncertain;
  active->is_flushed = found->second.is_flushed;
  active->due = found->second.due;
  active->since = clock_.now();
  stop_waiting(id);
  if (active->body) cached_body_bytes_ += active->body->size();
  active_.emplace(id, active);
  tasks_.start(process(std::move(active)));
}

// An active message.

Task<> Scheduler::process(std::shared_ptr<Active> active) {
  bool is_loaded = co_await load(*active);
  if (is_loaded) {
    co_await attempt_all(*active);
    drop_body(*active);
    co_await settle(*active);
  }
  drop_body(*active);
  active_.erase(active->id.value());
  changed_.notify_one();
  ended_.notify_all();
}

void Scheduler::drop_body(Active& active) {
  if (active.body) cached_body_bytes_ -= active.body->size();
  active.body.reset();
}

/// False when the message can't be had: it is then put on hold, or forgotten if it is gone.
Task<bool> Scheduler::load(Active& active) {
  if (!active.message) {
    auto loaded = co_await queue_.load(active.id);
    if (!loaded) {
      bool is_damaged = loaded.error().code() == damaged;
      log_error("qmgr",
                loaded.error().text() + (is_damaged ? ": on hold until postsuper -d or -H" : ""));
      Waiting entry;
      entry.is_held = is_damaged;
      entry.due = now() + peers_.config()->minimal_backoff_time.count();
      wait_until_due(active.id.value(), std::move(entry));
      co_return false;
    }
    if (!*loaded) co_return false;
    active.message = std::make_unique<QueuedMessage>(**std::move(loaded));
  }
  if (active.is_uncertain) active.message->mark_uncertain();
  log_active(active.id.value(), active.message->envelope().sender,
             active.message->envelope().size(), active.message->pending_count());
  co_return true;
}

/// One attempt for every recipient that is pending, also for those that come about meanwhile.
Task<> Scheduler::attempt_all(Active& active) {
  for (;;) {
    std::vector<std::uint32_t> numbers = active.message->pending();
    std::erase_if(numbers, [&](auto number) { return active.tried.contains(number); });
    if (numbers.empty() || draining_ || active.is_to_be_removed) co_return;
    auto groups = co_await resolve(active, numbers);
    active.groups_left = groups.size();
    Nursery deliveries(loop_);
    for (auto& group : groups) deliveries.start(deliver(active, std::move(group)));
    co_await deliveries.join();
  }
}

Task<std::vector<Scheduler::Group>> Scheduler::resolve(Active& active,
                                                       std::vector<std::uint32_t> numbers) {
  std::map<std::string, std::vector<Group>> by_way;
  bool has_expanded = false;
  while (!numbers.empty()) {
    std::uint32_t number = numbers.back();
    numbers.pop_back();
    active.tried.insert(number);
    Resolve request;
    request.recipient = active.message->recipient(number).recipient;
    request.sender = active.message->sender_of(request.recipient);
    auto call = peers_.port("lookup").call(std::move(request));
    auto resolution = co_await std::move(call);
    Group alone;
    alone.recipients.push_back(number);
    alone.begun = clock_.now();
    if (!resolution) {
      apply_to_all(active, alone, outcome_from(resolution.error(), OutcomeKind::Retry));
    } else if (resolution->is_expansion) {
      auto children = expand(active, number, std::move(resolution->children));
      numbers.insert(numbers.end(), children.begin(), children.end());
      has_expanded = true;
    } else {
      add_to_group(active, number, std::move(resolution->route), by_way);
    }
  }
  if (has_expanded) co_await record(active);
  std::vector<Group> groups;
  for (auto& [key, ways] : by_way) {
    std::move(ways.begin(), ways.end(), std::back_inserter(groups));
  }
  co_return std::move(groups);
}

/// The new recipients that are pending.
std::vector<std::uint32_t> Scheduler::expand(Active& active, std::uint32_t number,
                                             std::vector<Recipient> children) {
  auto depth_max = static_cast<std::size_t>(peers_.config()->alias_depth_max);
  auto added = active.message->expand(number, std::move(children), depth_max);
  Group alone;
  alone.begun = clock_.now();
  if (!added) {
    alone.recipients.push_back(number);
    apply_to_all(active, alone, outcome_from(added.error(), OutcomeKind::Bounce));
    return {};
  }
  std::vector<std::uint32_t> pending;
  for (auto child : *added) {
    if (active.message->recipient(child).state == RecipientState::Pending) {
      pending.push_back(child);
      continue;
    }
    // A loop: failed before it was tried.
    Outcome outcome;
    outcome.recipient = child;
    outcome.kind = OutcomeKind::Bounce;
    outcome.status = active.message->recipient(child).status;
    outcome.reason = active.message->recipient(child).reason;
    outcome.relay = "none";
    apply(active, alone, outcome);
  }
  return pending;
}

void Scheduler::add_to_group(Active& active, std::uint32_t number, Route route,
                             std::map<std::string, std::vector<Group>>& by_way) {
  auto config = peers_.config();
  const auto& recipient = active.message->recipient(number).recipient;
  auto& ways = by_way[group_key(route, recipient.run_as, active.message->sender_of(recipient))];
  auto most = static_cast<std::size_t>(config->default_destination_recipient_limit);
  if (ways.empty() || ways.back().recipients.size() >= most) {
    Group group;
    group.route = std::move(route);
    group.run_as = recipient.run_as;
    group.sender = active.message->sender_of(recipient);
    ways.push_back(std::move(group));
  }
  ways.back().recipients.push_back(number);
}

// An attempt.

Task<> Scheduler::deliver(Active& active, Group group) {
  if (group.route.transport == Transport::Error) {
    group.begun = clock_.now();
    Outcome outcome;
    bool is_permanent = !group.route.status.starts_with('4');
    outcome.kind = is_permanent ? OutcomeKind::Bounce : OutcomeKind::Retry;
    outcome.status = group.route.status.empty() ? "5.3.0" : group.route.status;
    outcome.reason = group.route.next_hop;
    outcome.relay = "none";
    apply_to_all(active, group, outcome);
    --active.groups_left;
    co_return;
  }
  if (!active.is_flushed && is_put_off(group)) {
    group.begun = clock_.now();
    Outcome outcome;
    outcome.status = "4.3.2";
    outcome.reason = "deferred transport";
    outcome.relay = "none";
    apply_to_all(active, group, outcome);
    --active.groups_left;
    co_return;
  }
  Destination& to = destination(group);
  auto lease = co_await to.take(now());
  if (lease) {
    co_await attempt(active, group, to);
  } else if (to.is_dead(now())) {
    group.begun = clock_.now();
    Outcome outcome;
    outcome.status = "4.4.1";
    outcome.reason = "delivery temporarily suspended: " + to.reason();
    outcome.relay = "none";
    apply_to_all(active, group, outcome);
  } else {
    active.was_refused = true;
  }
  --active.groups_left;
  // The last one's outcome is recorded by settle(), with all that follows from it.
  if (lease && active.groups_left > 0) co_await record(active);
}

/// Whether its transport stands in defer_transports.
bool Scheduler::is_put_off(const Group& group) const {
  auto config = peers_.config();
  return std::ranges::find(config->defer_transports, transport_name(group.route.transport)) !=
         config->defer_transports.end();
}

Task<> Scheduler::attempt(Active& active, Group& group, Destination& to) {
  while (!queue_.committer().is_writable() && !draining_) co_await changed_.wait();
  if (draining_ || active.is_to_be_removed) {
    active.was_refused = true;
    co_return;
  }
  group.begun = clock_.now();
  auto answer = co_await ask(active, group);
  if (!answer && answer.error().code() == damaged) {
    log_error("qmgr", answer.error().text() + ": on hold until postsuper -d or -H");
    active.is_to_be_held = true;
    co_return;
  }
  if (!answer) {
    apply_to_all(active, group, outcome_from(answer.error(), OutcomeKind::Retry));
    for (auto number : group.recipients) active.message->change(number).is_uncertain = true;
    co_return;
  }
  std::set<std::uint32_t> open(group.recipients.begin(), group.recipients.end());
  for (const auto& outcome : answer->outcomes) {
    if (open.erase(outcome.recipient) == 1) apply(active, group, outcome);
  }
  for (auto number : open) {
    Outcome outcome;
    outcome.recipient = number;
    outcome.status = "4.3.0";
    outcome.reason = "the delivery process gave no outcome";
    outcome.relay = "none";
    apply(active, group, outcome);
    active.message->change(number).is_uncertain = true;
  }
  if (is_connection_failure(answer->outcomes)) {
    to.failed(answer->outcomes.front().reason,
              now() + peers_.config()->minimal_backoff_time.count());
  } else {
    to.succeeded();
  }
}

Task<Result<Attempt::Outcomes>> Scheduler::ask(Active& active, const Group& group) {
  Attempt request;
  request.envelope = active.message->envelope();
  request.envelope.sender = group.sender;
  request.route = group.route;
  for (auto number : group.recipients) {
    const auto& entry = active.message->recipient(number);
    request.envelope.recipients.push_back(entry.recipient);
    request.is_repeat = request.is_repeat || entry.is_uncertain;
  }
  std::vector<Descriptor> beside;
  if (active.body) {
    request.body = *active.body;
  } else {
    CO_TRY(auto body, co_await queue_.body(active.message->envelope()));
    request.body = std::move(body.bytes);
    if (body.file) beside.push_back(std::move(body.file));
  }
  std::string kind = "send";
  if (group.route.transport != Transport::Smtp) {
    CO_TRY(kind, co_await deliver_port(group));
  }
  auto call = peers_.port(kind).call(std::move(request), std::move(beside));
  co_return co_await std::move(call);
}

/// Which process delivers for this account; the master starts it where there is none.
Task<Result<std::string>> Scheduler::deliver_port(const Group& group) {
  NeedDeliver request;
  const auto& account = group.route.account;
  request.account = account.name.empty() ? group.run_as : account.name;
  request.is_system = account.name.empty() ? !group.run_as.empty() : account.is_system;
  // Own users share one process.
  bool is_own = !request.is_system && !request.account.empty();
  std::string key = is_own ? "own" : "system:" + request.account;
  auto known = deliver_kinds_.find(key);
  if (known != deliver_kinds_.end() && peers_.port(known->second).has_peer()) {
    co_return known->second;
  }
  auto call = peers_.port("master").call(std::move(request));
  CO_TRY(auto where, co_await std::move(call));
  deliver_kinds_[key] = where.kind;
  co_return where.kind;
}

void Scheduler::apply_to_all(Active& active, const Group& group, Outcome outcome) {
  for (auto number : group.recipients) {
    outcome.recipient = number;
    apply(active, group, outcome);
  }
}

void Scheduler::apply(Active& active, const Group& group, const Outcome& outcome) {
  auto config = peers_.config();
  RecipientRecord& entry = active.message->change(outcome.recipient);
  entry.status = outcome.status;
  entry.reason = outcome.reason;
  entry.relay = outcome.relay;
  entry.remote_mta = outcome.remote_mta;
  entry.diagnostic = outcome.diagnostic;
  entry.last_attempt = now();
  entry.is_uncertain = false;
  auto kind = outcome.kind;
  if (kind == OutcomeKind::Bounce && config->soft_bounce) {
    kind = OutcomeKind::Retry;
    if (entry.status.starts_with('5')) entry.status[0] = '4';
  }
  active.is_repeatable = active.is_repeatable && outcome.is_repeatable;
  const auto notify = entry.recipient.notify;
  std::string_view status = "sent";
  switch (kind) {
    case OutcomeKind::Delivered: {
      bool is_relayed = group.route.transport == Transport::Smtp;
      entry.state = RecipientState::Done;
      if (wants_report(notify, notify_success) && !outcome.is_dsn_relayed) {
        entry.report = is_relayed ? ReportDue::Relayed : ReportDue::Delivered;
      }
      break;
    }
    case OutcomeKind::Discarded:
      entry.state = RecipientState::Done;
      break;
    case OutcomeKind::Bounce:
      status = "bounced";
      entry.state = RecipientState::Done;
      entry.report = wants_report(notify, notify_failure) ? ReportDue::Failed : ReportDue::None;
      break;
    case OutcomeKind::Retry:
      status = "deferred";
      active.was_deferred = true;
      break;
    case OutcomeKind::Expand:
      break;
  }
  Microseconds arrival(active.message->envelope().arrival);
  LogDelivery line;
  std::string component = component_of(group.route.transport);
  line.component = component;
  line.queue_id = active.id.value();
  line.recipient = entry.recipient.address;
  line.original = entry.recipient.original;
  line.relay = entry.relay;
  line.delays = {active.since - arrival, group.begun - active.since,
                 Microseconds(outcome.connected_microseconds),
                 Microseconds(outcome.transmitted_microseconds)};
  line.dsn = entry.status;
  line.status = status;
  line.reason = entry.reason;
  log_delivery(line);
  if (kind == OutcomeKind::Expand) expand(active, outcome.recipient, outcome.children);
}

Task<> Scheduler::record(Active& active) {
  Changes changes;
  active.message->save(changes);
  auto work = queue_.record(std::move(changes));
  co_await std::move(work);
}

// What follows from the attempts.

/// Mail that is too old goes back to its sender.
void Scheduler::give_up(Active& active) {
  log_expired(active.id.value(), active.message->envelope().sender);
  for (auto number : active.message->pending()) {
    RecipientRecord& entry = active.message->change(number);
    entry.state = RecipientState::Done;
    bool is_wanted = wants_report(entry.recipient.notify, notify_failure);
    entry.report = is_wanted ? ReportDue::Expired : ReportDue::None;
  }
}

/// Reports, removal or the next due time: one commit.
Task<> Scheduler::settle(Active& active) {
  auto config = peers_.config();
  QueuedMessage& message = *active.message;
  std::int64_t arrival = message.envelope().arrival / 1'000'000;
  bool is_bounce = message.envelope().sender.empty();
  Changes changes;
  std::vector<NewReport> reports;
  if (!active.is_to_be_removed) {
    if (active.was_deferred && is_expired(*config, is_bounce, arrival, now())) give_up(active);
    bool tells_delay = active.was_deferred && !message.record().delay_was_told &&
                       is_delay_to_be_told(*config, arrival, now());
    if (has_reports(message, tells_delay)) {
      std::uint64_t needed = original_bytes_needed(*config, message.envelope());
      auto original = co_await queue_.text(message.envelope(), needed);
      auto lifetime = is_bounce ? config->bounce_queue_lifetime : config->maximal_queue_lifetime;
      reports = take_reports(message, tells_delay, original ? *original : std::string(),
                             arrival + lifetime.count(), *config, clock_);
    }
    if (tells_delay) message.change_record().delay_was_told = true;
  }
  for (const auto& report : reports) put_new(changes, report.envelope, report.body);
  bool is_removed = active.is_to_be_removed || message.is_finished();
  if (is_removed) {
    message.remove(changes);
  } else {
    plan(active, *config);
    message.save(changes);
  }
  // Its removal may come with a later commit: another attempt would deliver nothing twice.
  bool has_time = is_removed && reports.empty() && active.is_repeatable && !active.is_to_be_removed;
  auto work = queue_.record(std::move(changes), has_time);
  co_await std::move(work);

  for (auto& report : reports) {
    log_notification(active.id.value(), "sender", report.kind, report.envelope.id.value());
    Waiting entry;
    entry.is_new = true;
    entry.due = now();
    std::string id = report.envelope.id.value();
    entry.message = std::make_unique<QueuedMessage>(std::move(report.envelope));
    entry.body = std::move(report.body);
    wait_until_due(id, std::move(entry));
  }
  if (is_removed) {
    if (!message.is_finished()) {
      log_queue_change(active.id.value(), "removed");
    } else {
      log_removed(active.id.value());
    }
    co_return;
  }
  Waiting entry;
  entry.due = active.was_deferred ? message.record().due : active.due;
  entry.is_held = message.record().is_held;
  entry.is_uncertain = active.is_uncertain && message.has_uncertain();
  wait_until_due(active.id.value(), std::move(entry));
}

/// When it is tried next.
void Scheduler::plan(Active& active, const Config& config) {
  QueuedMessage& message = *active.message;
  if (active.is_to_be_held) message.change_record().is_held = true;
  if (active.is_to_be_requeued) message.expand_again();
  if (active.is_to_be_requeued || active.is_to_be_flushed) {
    message.change_record().due = active.due = now();
  } else if (active.was_deferred) {
    std::int64_t arrival = message.envelope().arrival / 1'000'000;
    message.change_record().due = next_attempt(config, arrival, now());
  } else {
    active.due = now() + (draining_ ? 0 : busy_seconds);
  }
}

// Destinations.

Destination& Scheduler::destination(const Group& group) {
  auto config = peers_.config();
  Destination::Limits limits;
  std::string key = transport_name(group.route.transport) + ':';
  limits.waiting_max =
      std::max<std::size_t>(100, static_cast<std::size_t>(config->qmgr_message_active_limit) / 4);
  if (group.route.transport == Transport::Smtp) {
    key += lower(group.route.next_hop);
    limits.initial = static_cast<std::size_t>(config->initial_destination_concurrency);
    limits.most = static_cast<std::size_t>(config->default_destination_concurrency_limit);
    limits.failed_cohorts =
        static_cast<double>(config->default_destination_concurrency_failed_cohort_limit);
  } else {
    // Local delivery is limited for each process that delivers, not for each mailbox.
    bool is_own = group.route.transport == Transport::Local && !group.route.account.is_system;
    key += is_own ? "own" : group.route.account.name + '\n' + group.run_as;
    limits.initial = limits.most = static_cast<std::size_t>(config->delivery_threads);
    limits.has_feedback = false;
  }
  auto& slot = destinations_[key];
  if (!slot) slot = std::make_unique<Destination>(loop_, limits);
  if (draining_) slot->close();
  return *slot;
}

void Scheduler::forget_idle_destinations() {
  constexpr std::size_t kept = 1000;
  if (destinations_.size() <= kept) return;
  std::erase_if(destinations_, [&](const auto& one) { return one.second->is_idle(now()); });
}

// What admins ask for.

std::vector<QueueId> Scheduler::ids(const std::string& which) const {
  std::vector<QueueId> found;
  if (waiting_.contains(which) || active_.contains(which)) return {QueueId(which)};
  bool is_all = which == "ALL";
  for (const auto& [id, entry] : waiting_) {
    if (is_all || which == (entry.is_held ? "hold" : "deferred")) found.emplace_back(id);
  }
  for (const auto& [id, entry] : active_) {
    if (is_all || which == "active") found.emplace_back(id);
  }
  std::ranges::sort(found);
  return found;
}

void Scheduler::flush() {
  for (auto& [name, one] : destinations_) one->reopen();
  for (auto& [id, entry] : waiting_) {
    entry.is_flushed = true;
    if (!entry.is_held && !entry.is_new) entry.due = std::min(entry.due, now());
  }
  std::set<std::pair<std::int64_t, std::string>> due;
  for (const auto& one : deferred_) due.emplace(std::min(one.first, now()), one.second);
  deferred_ = std::move(due);
  changed_.notify_all();
}

bool Scheduler::flush(const QueueId& id) {
  auto active = active_.find(id.value());
  if (active != active_.end()) {
    active->second->is_to_be_flushed = true;
    return true;
  }
  auto found = waiting_.find(id.value());
  if (found == waiting_.end()) return false;
  for (auto& [name, one] : destinations_) one->reopen();
  found->second.is_flushed = true;
  if (!found->second.is_held && !found->second.is_new) {
    deferred_.erase({found->second.due, id.value()});
    found->second.due = std::min(found->second.due, now());
    deferred_.emplace(found->second.due, id.value());
  }
  changed_.notify_all();
  return true;
}

/// Takes a waiting message out, changes it durably, and lets it wait again. The message counts as
/// active meanwhile, so nobody else touches it.
Task<bool> Scheduler::change(QueueId id, Operation operation) {
  auto busy = active_.find(id.value());
  if (busy != active_.end()) {
    Active& active = *busy->second;
    if (operation == Operation::Remove) active.is_to_be_removed = true;
    if (operation == Operation::Requeue) active.is_to_be_requeued = true;
    if (operation == Operation::Hold) active.is_to_be_held = true;
    if (operation == Operation::Release) active.is_to_be_held = false;
    co_return true;
  }
  auto found = waiting_.find(id.value());
  if (found == waiting_.end()) co_return false;
  auto active = std::make_shared<Active>(id);
  active->is_uncertain = found->second.is_uncertain;
  active->due = found->second.due;
  bool was_new = found->second.is_new;
  stop_waiting(id.value());
  active_.emplace(id.value(), active);

  auto loaded = co_await queue_.load(id);
  Changes changes;
  Waiting entry;
  bool is_gone = operation == Operation::Remove || (loaded && !*loaded);
  if (loaded && *loaded) {
    QueuedMessage& message = **loaded;
    if (operation == Operation::Remove || active->is_to_be_removed) {
      is_gone = true;
      message.remove(changes);
    } else {
      if (operation == Operation::Requeue) message.expand_again();
      message.change_record().is_held = operation == Operation::Hold;
      if (operation != Operation::Hold) message.change_record().due = now();
      message.save(changes);
      entry.due = message.record().due;
      entry.is_held = message.record().is_held;
    }
  } else if (!loaded && operation == Operation::Remove) {
    remove_damaged(id, changes);
  } else if (!loaded) {
    entry.is_held = operation == Operation::Hold;
    entry.due = now();
  }
  auto work = queue_.record(std::move(changes));
  co_await std::move(work);
  active_.erase(id.value());
  ended_.notify_all();
  if (!is_gone) {
    entry.is_uncertain = active->is_uncertain;
    entry.is_new = was_new && !entry.is_held && operation == Operation::Release;
    wait_until_due(id.value(), std::move(entry));
  }
  constexpr std::string_view done[]{"placed on hold", "released from hold", "removed", "requeued"};
  log_queue_change(id.value(), done[static_cast<int>(operation)]);
  changed_.notify_all();
  co_return true;
}

/// The keys that an unreadable message certainly has.
void Scheduler::remove_damaged(const QueueId& id, Changes& changes) {
  changes.erase(keys::envelope(id));
  changes.erase(keys::body(id));
  changes.erase(keys::message(id));
  changes.remove_file_after(id);
}

// The end.

Task<> Scheduler::drain() {
  draining_ = true;
  for (auto& [name, one] : destinations_) one->close();
  changed_.notify_all();
  while (!active_.empty()) co_await ended_.wait();
}

bool Scheduler::is_all_certain() const {
  return active_.empty() && std::ranges::none_of(waiting_, [](const auto& entry) {
           return entry.second.is_uncertain;
         });
}

}  // namespace pennypost::smtp
