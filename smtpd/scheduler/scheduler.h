// What waits in the queue in, deliveries at the right time and reports about them out.
//
// A due message becomes active: each recipient is resolved by `lookup` until it has a route (never
// stored: a corrected configuration takes effect on mail that waits), expansions are committed
// before any attempt, recipients that share a route go together, and each destination bears a
// limited number of attempts (destination.h). What came of an attempt is one commit; when no
// recipient is left the message is removed, and reports to the sender are put into the queue by
// that same commit.
//
// New mail and deferred mail take turns, so that neither waits for the other.
//
// LIMITS  qmgr_message_active_limit messages are active; of all others only id, time and flags are
//         in memory; cached_body_bytes_max bytes of new mail's bodies are kept until their
//         attempt; resolve_at_once_max recipients of a message are asked for at once
//
// Its members stand in scheduler.cpp (what waits, and an active message's course), resolve.cpp,
// attempt.cpp, settle.cpp and admin.cpp.
//
// SEE ALSO   retry.h (when), reports.h (what senders are told), ../queue/queue.h
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "common/process/port.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/queue/queue.h"
#include "smtpd/scheduler/destination.h"
#include "smtpd/scheduler/reports.h"

namespace pennypost::smtp {

inline constexpr std::size_t told_mailboxes_max = 10'000;
inline constexpr std::size_t cached_body_bytes_max = 32 * 1024 * 1024;
inline constexpr std::size_t resolve_at_once_max = 100;

class Scheduler {
 public:
  struct Peers {
    std::function<Port&(std::string_view kind)> port;
    std::function<std::shared_ptr<const Config>()> config;
  };
  Scheduler(Loop& loop, Queue& queue, Peers peers, const Clock& clock);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// What waited when the queue was opened.
  void begin(const std::vector<Queue::Waiting>& waiting, bool is_uncertain);
  /// Takes a message in, durably, and schedules it. Errors as Queue::submit, and 452 when
  /// queue_messages_max wait.
  /// `extra` is committed along.
  Task<Result<void>> submit(Envelope envelope, std::string body, Changes extra = {});
  /// Looks again for what can be done now: after a reload, or when a test has moved its clock.
  void look() { changed_.notify_all(); }

  /// Ends all tasks where they stand; nothing may be called after.
  void end() { tasks_.cancel(); }
  /// Starts no further attempt; returns when none is under way.
  Task<> drain();
  /// Whether an orderly stop may be noted: nothing waits whose last attempt is in doubt.
  bool is_all_certain() const;

  // What admins ask for. True: there is such a message.

  /// All that waits is due now, and no destination counts as dead.
  void flush();
  bool flush(const QueueId& id);
  /// False also where it is held already.
  Task<bool> hold(QueueId id) { return change(std::move(id), Operation::Hold); }
  /// False also where it is not held.
  Task<bool> release(QueueId id) { return change(std::move(id), Operation::Release); }
  Task<bool> remove(QueueId id) { return change(std::move(id), Operation::Remove); }
  /// Expands the unfinished recipients again, and tries at once.
  Task<bool> requeue(QueueId id) { return change(std::move(id), Operation::Requeue); }
  /// The message of that id, or all that are `incoming`, `active`, `hold`, `deferred`, or ALL; none
  /// when there is none.
  std::vector<QueueId> ids(const std::string& which) const;
  bool is_active(const QueueId& id) const { return active_.contains(id.value()); }
  /// Whether anything is under way or could be begun now.
  bool is_busy() const { return !active_.empty() || !submitting_.empty(); }
  std::size_t size() const { return waiting_.size() + active_.size(); }

 private:
  struct Waiting {
    std::int64_t due = 0;
    bool is_held = false;
    bool is_new = false;
    bool is_uncertain = false;
    bool is_flushed = false;  // an admin wants it tried, whatever defer_transports says
    std::unique_ptr<QueuedMessage> message;  // of new mail, while there is room for it
    std::optional<std::string> body;
  };
  struct Active;
  struct Group;
  struct Question;
  enum class Operation { Hold, Release, Remove, Requeue };

  Task<> run();
  void admit();
  std::optional<std::string> next_due(std::int64_t seconds);
  void start(const std::string& id);
  void wait_until_due(const std::string& id, Waiting entry);
  void stop_waiting(const std::string& id);

  Task<> process(std::shared_ptr<Active> active);
  void drop_body(Active& active);
  Task<bool> load(Active& active);
  Task<> attempt_all(Active& active);
  Task<> ask_lookup(const Active& active, Question& question);
  Task<std::vector<Group>> resolve(Active& active, std::vector<std::uint32_t> numbers);
  std::vector<std::uint32_t> expand(Active& active, std::uint32_t number,
                                    std::vector<Recipient> children);
  void add_to_group(Active& active, std::uint32_t number, Route route,
                    std::map<std::string, std::vector<Group>>& by_way);
  Task<> deliver(Active& active, Group group);
  std::optional<Outcome> outcome_without_attempt(const Active& active, const Group& group) const;
  bool is_put_off(const Group& group) const;
  Task<> attempt(Active& active, Group& group, Destination& to);
  Task<Result<Attempt::Outcomes>> ask(Active& active, Group& group);
  Task<Result<std::string>> deliver_port(const Group& group);
  void apply(Active& active, const Group& group, const Outcome& outcome);
  Task<bool> has_come_back(Active& active, std::uint32_t number,
                           const std::vector<Recipient>& children);
  void note_mailbox(const Group& group, const RecipientRecord& entry);
  void apply_to_all(Active& active, const Group& group, Outcome outcome);
  Task<> record(Active& active);
  Task<> settle(Active& active);
  void give_up(Active& active);
  void plan(Active& active, const Config& config);
  Task<bool> change(QueueId id, Operation operation);

  Destination& destination(const Group& group);
  void forget_idle_destinations();
  std::int64_t now() const { return clock_.now_seconds(); }

  Loop& loop_;
  Queue& queue_;
  Peers peers_;
  const Clock& clock_;
  std::unordered_map<std::string, Waiting> waiting_;
  std::set<std::pair<std::int64_t, std::string>> deferred_;  // by due time
  std::deque<std::string> new_;                              // in order of arrival
  std::size_t cached_body_bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<Active>> active_;
  std::unordered_set<std::string> submitting_;
  std::map<std::string, std::unique_ptr<Destination>, std::less<>> destinations_;
  std::map<std::string, std::string, std::less<>> deliver_kinds_;  // account -> kind of process
  std::set<std::string, std::less<>> full_mailboxes_;              // as lookup was told last
  bool turn_of_new_ = true;
  bool draining_ = false;
  Event changed_;
  Event ended_;
  Timer wake_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
