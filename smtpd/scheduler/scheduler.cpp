#include "smtpd/scheduler/scheduler.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "smtpd/scheduler/active.h"

namespace pennypost::smtp {
namespace {

constexpr std::chrono::hours longest_sleep{1};  // the wall clock may be set meanwhile

}  // namespace

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
             active.message->envelope().octets(), active.message->pending_count());
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
  slot->set_limits(limits);
  if (draining_) slot->close();
  return *slot;
}

void Scheduler::forget_idle_destinations() {
  constexpr std::size_t kept = 1000;
  if (destinations_.size() <= kept) return;
  std::erase_if(destinations_, [&](const auto& one) { return one.second->is_idle(now()); });
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
