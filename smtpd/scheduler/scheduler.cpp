#include "smtpd/scheduler/scheduler.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"

namespace pennypost::smtp {
namespace {

constexpr std::chrono::hours longest_sleep{1};  // since the wall clock may be set

}  // namespace

Scheduler::Scheduler(Loop& loop, Queue& queue, Peers peers, const Clock& clock)
    : loop_(loop),
      queue_(queue),
      peers_(std::move(peers)),
      clock_(clock),
      destinations_(loop),
      deliver_processes_(loop, peers_),
      local_sockets_(loop, queue.directory()),
      changed_(loop),
      ended_(loop),
      wake_(loop, [this] { changed_.notify_all(); }),
      context_{
          loop_,
          queue_,
          peers_,
          clock_,
          destinations_,
          deliver_processes_,
          full_mailbox_notes_,
          local_sockets_,
          signing_rules_,
          changed_,
          [this](NewMessage message) { take_in(std::move(message)); },
      },
      tasks_(loop) {
  queue_.committer().on_change([this] { changed_.notify_all(); });
  tasks_.start(run());
}

Scheduler::~Scheduler() { tasks_.cancel(); }

void Scheduler::begin(const std::vector<Queue::Waiting>& waiting, bool is_uncertain) {
  waiting_.reserve(waiting.size());
  for (const auto& one : waiting) {
    WaitingMessage entry;
    entry.due = one.due;
    entry.recipients = one.recipients;
    entry.is_held = one.is_held;
    entry.is_new = one.is_new;
    entry.is_uncertain = is_uncertain;
    ages_.add(one.id.value());
    wait_until_due(one.id.value(), std::move(entry));
  }
  changed_.notify_all();
}

Task<Result<void>> Scheduler::submit(Envelope envelope, std::string body, Changes extra,
                                     std::shared_ptr<WaitingClient> client) {
  const std::string id = envelope.id.value();
  if (is_overrun()) co_await loop_.sleep(peers_.config()->in_flow_delay);
  if (waiting_.contains(id) || active_.contains(id) || submitting_.contains(id)) {
    co_return Error(501, "5.5.4", "the queue id is in use");
  }
  if (size() >= peers_.config()->queue_messages_max) {
    co_return Error(452, "4.3.1", "too many messages in the queue");
  }
  WaitingMessage entry;
  entry.is_new = true;
  entry.is_held = envelope.is_held;
  entry.due = envelope.arrival / 1'000'000;
  entry.recipients = static_cast<std::uint32_t>(envelope.recipients.size());
  bool has_memory = cached_body_bytes_ + body.size() <= cached_body_bytes_max;
  if (!entry.is_held && (has_memory || client)) {
    entry.kept = std::make_unique<KeptMessage>();
    entry.kept->message = std::make_unique<QueuedMessage>(envelope);
    bool is_body_kept = has_memory && !envelope.body_is_file;
    if (is_body_kept) entry.kept->body.emplace(body, cached_body_bytes_);
    if (client) entry.kept->client.emplace(std::move(client));
  }
  submitting_.insert(id);
  auto work = queue_.submit(std::move(envelope), std::move(body), std::move(extra));
  auto taken = co_await std::move(work);
  submitting_.erase(id);
  if (!taken) co_return std::move(taken).error();
  ages_.add(id);
  wait_until_due(id, std::move(entry));
  changed_.notify_one();
  co_return Result<void>();
}

// Waiting messages.

void Scheduler::wait_until_due(const std::string& id, WaitingMessage entry) {
  auto [place, is_added] = waiting_.insert_or_assign(id, std::move(entry));
  ASSERT(is_added);
  const auto& waits = place->second;
  if (waits.is_held) return;
  if (waits.kept && waits.kept->client) {
    new_.push_front(id);
  } else if (waits.is_new) {
    new_.push_back(id);
  } else {
    deferred_.emplace(waits.due, &place->first);
  }
}

/// Removes and returns a waiting message.
WaitingMessage Scheduler::stop_waiting(const std::string& id) {
  auto found = waiting_.find(id);
  ASSERT(found != waiting_.end());
  WaitingMessage entry = std::move(found->second);
  deferred_.erase({entry.due, &found->first});
  waiting_.erase(found);  // new_ drops it when its turn comes
  return entry;
}

/// The next message to become active. New mail and deferred mail take turns.
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
    return *deferred_.begin()->second;
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

/// Whether another message may become active.
bool Scheduler::has_room() const {
  auto config = peers_.config();
  return active_.size() < config->qmgr_message_active_limit &&
         (active_.empty() || active_recipients_ < config->qmgr_message_recipient_limit);
}

/// Whether more mail comes in than can be in delivery. To slow down whoever sends it costs the mail
/// that is in delivery nothing.
bool Scheduler::is_overrun() const {
  return !new_.empty() && !destinations_.is_closed() && !has_room();
}

void Scheduler::admit() {
  while (!destinations_.is_closed() && queue_.committer().is_writable() && has_room()) {
    auto id = next_due(now());
    if (!id) break;
    start(*id);
  }
  destinations_.forget_idle(now());
  if (!deferred_.empty()) {
    Duration sleep =
        std::chrono::seconds(std::max<std::int64_t>(1, deferred_.begin()->first - now()));
    wake_.start(std::min<Duration>(sleep, longest_sleep));
  }
}

void Scheduler::start(const std::string& id) {
  WaitingMessage entry = stop_waiting(id);
  active_.emplace(id, AskedMeanwhile());
  active_recipients_ += entry.recipients;
  tasks_.start(process(id, std::move(entry)));
}

/// Processes a message from becoming active to its end.
Task<> Scheduler::process(std::string id, WaitingMessage waiting) {
  const auto recipients = waiting.recipients;
  ActiveMessage message(context_, QueueId(id), std::move(waiting), active_.at(id));
  auto waits = co_await message.process();
  if (waits) {
    wait_until_due(id, *std::move(waits));
  } else {
    ages_.remove(id);
  }
  active_.erase(id);
  active_recipients_ -= recipients;
  changed_.notify_one();
  ended_.notify_all();
}

/// Schedules a report or reply that was committed with the message it is about.
void Scheduler::take_in(NewMessage message) {
  WaitingMessage entry;
  entry.is_new = true;
  entry.due = now();
  std::string id = message.envelope.id.value();
  entry.recipients = static_cast<std::uint32_t>(message.envelope.recipients.size());
  entry.kept = std::make_unique<KeptMessage>();
  entry.kept->message = std::make_unique<QueuedMessage>(std::move(message.envelope));
  entry.kept->body.emplace(std::move(message.body), cached_body_bytes_);
  ages_.add(id);
  wait_until_due(id, std::move(entry));
  changed_.notify_one();
}

// Shutdown.

Task<> Scheduler::drain() {
  destinations_.close();
  changed_.notify_all();
  while (!active_.empty()) co_await ended_.wait();
}

bool Scheduler::is_all_certain() const {
  return active_.empty() && std::ranges::none_of(waiting_, [](const auto& entry) {
           return entry.second.is_uncertain;
         });
}

}  // namespace pennypost::smtp
