// Schedules queued mail: which message is due, in which order, and how many at once.
//
// A due message becomes active (ActiveMessage: one attempt to deliver it) and then is gone or waits
// again. New mail and reports to senders wait in the same way. New mail and deferred mail take
// turns, so that neither holds up the other. Admins' requests (flush, hold, release, remove,
// requeue, expire) change a waiting message at once, and an active one when it is settled.
//
// While more mail comes in than can be active, each new message is accepted only after
// in_flow_delay.
//
// LIMITS  qmgr_message_active_limit messages are active, with qmgr_message_recipient_limit
//         recipients at the beginning of the last one; of all others only id, time, the number of
//         recipients and flags are in memory (under 200 bytes); cached_body_bytes_max bytes of new
//         mail's bodies are kept until their attempt
//
// SEE ALSO   active_message.h (one attempt), destinations.h (concurrency), retry.h (due times),
//            ../queue/queue.h
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "smtpd/queue/queue.h"
#include "smtpd/scheduler/active_message.h"
#include "smtpd/scheduler/deliver_processes.h"
#include "smtpd/scheduler/destinations.h"
#include "smtpd/scheduler/full_mailbox_notes.h"
#include "smtpd/scheduler/local_sockets.h"
#include "smtpd/scheduler/peers.h"
#include "smtpd/scheduler/queue_ages.h"
#include "smtpd/scheduler/waiting_message.h"

namespace pennypost::smtp {

inline constexpr std::size_t cached_body_bytes_max = 32 * 1024 * 1024;

class Scheduler {
 public:
  using Peers = QueuePeers;

  Scheduler(Loop& loop, Queue& queue, Peers peers, const Clock& clock);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Schedules what was waiting when the queue was opened.
  void begin(const std::vector<Queue::Waiting>& waiting, bool is_uncertain);
  /// Accepts a message durably and schedules it. Errors as for Queue::submit(), and 452 if there
  /// are queue_messages_max messages. `extra` is committed with it. If a client waits for its
  /// delivery, it is the next to be tried.
  Task<Result<void>> submit(Envelope envelope, std::string body, Changes extra = {},
                            std::shared_ptr<WaitingClient> client = nullptr);
  /// Checks again what can be done now: after a reload, or when a test has moved its clock.
  void look() { changed_.notify_all(); }

  /// Cancels all tasks; nothing may be called afterwards.
  void end() { tasks_.cancel(); }
  /// Starts no further attempt; returns when none is under way any more.
  Task<> drain();
  /// Whether an orderly stop may be recorded: no waiting message is uncertain.
  bool is_all_certain() const;

  // Admins' requests. True if there is such a message.

  /// Makes everything due now, and no destination dead any more.
  void flush();
  bool flush(const QueueId& id);
  /// False also if it is held already.
  Task<bool> hold(QueueId id) { return change(std::move(id), AdminRequest::Hold); }
  /// False also if it is not held.
  Task<bool> release(QueueId id) { return change(std::move(id), AdminRequest::Release); }
  Task<bool> remove(QueueId id) { return change(std::move(id), AdminRequest::Remove); }
  /// Undoes unfinished expansions and tries again at once.
  Task<bool> requeue(QueueId id) { return change(std::move(id), AdminRequest::Requeue); }
  /// Returns it to its sender when its turn comes, without another attempt. A held message stays
  /// held, or is released as well.
  Task<bool> expire(QueueId id) { return change(std::move(id), AdminRequest::Expire); }
  Task<bool> expire_and_release(QueueId id) {
    return change(std::move(id), AdminRequest::ExpireAndRelease);
  }
  /// The message with that id, or all that are `incoming`, `active`, `hold` or `deferred`, or ALL;
  /// empty if there are none.
  std::vector<QueueId> ids(const std::string& which) const;
  bool is_active(const QueueId& id) const { return active_.contains(id.value()); }
  /// Whether any message is active or being submitted.
  bool is_busy() const { return !active_.empty() || !submitting_.empty(); }
  std::size_t size() const { return waiting_.size() + active_.size(); }
  /// How many messages there are of which age.
  const QueueAges& ages() const { return ages_; }

  /// The Unix sockets to which `send` may be connected now.
  LocalSockets& local_sockets() { return local_sockets_; }

 private:
  /// A due time, and the id: a key of waiting_.
  using Due = std::pair<std::int64_t, const std::string*>;
  struct SoonestFirst {
    bool operator()(const Due& a, const Due& b) const {
      return a.first != b.first ? a.first < b.first : *a.second < *b.second;
    }
  };
  void look_at_tables();
  Task<> run();
  bool has_room() const;
  bool is_overrun() const;
  void admit();
  std::optional<std::string> next_due(std::int64_t seconds);
  void start(const std::string& id);
  Task<> process(std::string id, WaitingMessage waiting);
  void wait_until_due(const std::string& id, WaitingMessage entry);
  WaitingMessage stop_waiting(const std::string& id);
  void take_in(NewMessage message);
  Task<bool> change(QueueId id, AdminRequest request);
  static bool is_held_after(AdminRequest request, bool is_held);
  Task<std::optional<WaitingMessage>> rewrite(QueueId id, WaitingMessage entry,
                                              AdminRequest request, const AskedMeanwhile& asked);

  std::int64_t now() const { return clock_.now_seconds(); }

  Loop& loop_;
  Queue& queue_;
  const Peers peers_;
  const Clock& clock_;
  std::size_t cached_body_bytes_ = 0;
  std::unordered_map<std::string, WaitingMessage> waiting_;
  std::set<Due, SoonestFirst> deferred_;
  std::deque<std::string> new_;  // in order of arrival, those first for which a client waits
  std::unordered_map<std::string, AskedMeanwhile> active_;  // process() has the message
  std::uint64_t active_recipients_ = 0;
  std::unordered_set<std::string> submitting_;
  QueueAges ages_;  // of all in waiting_ and active_
  Destinations destinations_;
  DeliverProcesses deliver_processes_;
  FullMailboxNotes full_mailbox_notes_;
  LocalSockets local_sockets_;
  SigningRules signing_rules_;
  bool turn_of_new_ = true;
  Event changed_;
  Event ended_;
  Timer wake_;
  const ActiveContext context_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
