// One attempt to deliver one queued message: load, resolve, attempt, settle.
//
// Each pending recipient is resolved by `lookup` until it has a route. Routes are never stored, so
// a corrected configuration takes effect on waiting mail. Expansions are committed before any
// attempt. Recipients that share a route share an attempt, whose outcomes are one commit; it also
// adds the recipients that a .forward or filter named, and puts a filter's replies into the queue
// as new messages. At the end the message is removed or gets its next due time, and reports to the
// sender enter the queue in the same commit.
//
// The scheduler decides when a message becomes active, and what happens to it afterwards. The
// members are defined in active_message.cpp (load, and the course of an attempt), resolve.cpp,
// attempt.cpp, apply.cpp and settle.cpp.
//
// LIMITS     resolve_at_once_max recipients of a message are resolved at once
// SEE ALSO   scheduler.h (order), destinations.h (limits), retry.h (due times), reports.h (reports)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/queue/queue.h"
#include "smtpd/scheduler/deliver_processes.h"
#include "smtpd/scheduler/destinations.h"
#include "smtpd/scheduler/full_mailbox_notes.h"
#include "smtpd/scheduler/local_sockets.h"
#include "smtpd/scheduler/peers.h"
#include "smtpd/scheduler/recipient_group.h"
#include "smtpd/scheduler/reports.h"
#include "smtpd/scheduler/signing.h"
#include "smtpd/scheduler/waiting_client.h"
#include "smtpd/scheduler/waiting_message.h"

namespace pennypost::smtp {

inline constexpr std::size_t resolve_at_once_max = 100;
/// Until the next try of mail whose destination was busy, at least.
inline constexpr std::int64_t busy_seconds = 30;
inline constexpr int damaged = static_cast<int>(store::StorageProblem::Damaged);

/// What all active messages share. Everything in it outlives them.
struct ActiveContext {
  Loop& loop;
  Queue& queue;
  const QueuePeers& peers;
  const Clock& clock;
  Destinations& destinations;  // if closed, no further attempt begins
  DeliverProcesses& deliver_processes;
  FullMailboxNotes& full_mailbox_notes;
  LocalSockets& local_sockets;
  SigningRules& signing_rules;
  Event& changed;  // notified when the queue becomes writable or the destinations are closed
  std::function<void(NewMessage)> take_in;  // schedules a new message that has been committed

  std::int64_t now() const { return clock.now_seconds(); }
  bool is_draining() const { return destinations.is_closed(); }
};

/// What an admin may do to a message.
enum class AdminRequest { Hold, Release, Remove, Requeue, Expire, ExpireAndRelease };

/// What admins have requested while the message was active; settle() carries it out.
struct AskedMeanwhile {
  bool is_to_be_removed = false;
  bool is_to_be_flushed = false;
  bool is_to_be_held = false;
  bool is_to_be_requeued = false;
  bool is_to_expire = false;
  std::optional<AdminRequest> last;

  void add(AdminRequest request);
};

class ActiveMessage {
 public:
  /// `context` and `asked` must outlive it.
  ActiveMessage(const ActiveContext& context, QueueId id, WaitingMessage waiting,
                AskedMeanwhile& asked);
  ActiveMessage(const ActiveMessage&) = delete;
  ActiveMessage& operator=(const ActiveMessage&) = delete;

  /// Makes the whole attempt; to be called once. Returns the message if it is to wait again.
  Task<std::optional<WaitingMessage>> process();

 private:
  using Group = RecipientGroup;
  struct Question;

  // active_message.cpp
  Task<Result<bool>> load();
  WaitingMessage unreadable(const Error& error);
  void expire();
  Task<> attempt_all();
  Task<> record();
  Task<> commit(Changes changes, bool can_wait);

  // resolve.cpp
  Task<std::vector<Group>> resolve(std::vector<std::uint32_t> numbers);
  Task<> ask_lookup(Question& question);
  Task<bool> has_come_back(std::uint32_t number, const std::vector<Recipient>& children);
  std::vector<std::uint32_t> expand(std::uint32_t number, std::vector<Recipient> children);
  void redirect(std::uint32_t number, std::vector<Recipient> children);
  std::vector<std::uint32_t> pending_of(std::uint32_t number,
                                        const Result<std::vector<std::uint32_t>>& added);
  void add_to_group(std::uint32_t number, Resolution resolution,
                    std::map<std::string, std::vector<Group>>& by_way);

  // attempt.cpp
  Task<> deliver(Group group);
  std::optional<Outcome> outcome_without_attempt(const Group& group) const;
  bool is_put_off(const Group& group) const;
  void come_back_after(Duration line);
  Task<> attempt(Group& group, Destination& to);
  Attempt request_for(const Group& group) const;
  Task<Result<Attempt::Outcomes>> send(Group& group);
  Task<Result<void>> change(Attempt& request, const Descriptor& body);
  Task<Result<void>> sign(Attempt& request, const Descriptor& body, bool is_changed);
  void apply_failure(Group& group, const Error& error);

  // apply.cpp
  bool is_relayed_by_program(const Group& group) const;
  void apply(const Group& group, const Outcome& outcome);
  void apply_additions(const Group& group, const RecipientRecord& entry, const Outcome& outcome);
  void apply_to_all(const Group& group, Outcome outcome);
  void apply_answer(const Group& group, const std::vector<Outcome>& outcomes);
  void log(const Group& group, const RecipientRecord& entry, const Outcome& outcome,
           std::string_view status) const;

  // settle.cpp
  Task<std::optional<WaitingMessage>> settle();
  void answer_client();
  Task<> add_reports_due();
  void give_up(bool is_forced);
  void plan();

  const ActiveContext& context_;
  AskedMeanwhile& asked_;
  const QueueId id_;
  const Microseconds since_;
  std::unique_ptr<QueuedMessage> message_;
  std::optional<CachedBody> body_;
  std::optional<ClientLink> client_;  // who waits for the delivery
  const std::uint32_t recipients_;    // that were pending at the beginning
  std::int64_t due_;                  // when it is tried next, if it was not tried now
  std::int64_t busy_ = 0;  // then the seconds until that, if a destination's line was full
  const bool is_uncertain_;
  const bool is_flushed_;
  bool was_deferred_ = false;  // an attempt was made, or none is possible now
  bool is_repeatable_ = true;  // another attempt would find everything that this one has delivered
  std::set<std::uint32_t> tried_;
  std::vector<NewMessage> new_messages_;               // enter the queue with the next commit
  std::optional<std::set<std::string>> delivered_to_;  // its header fields, once read
  std::optional<std::string> signature_;  // of the message as it is in the queue, once made
  std::size_t groups_left_ = 0;
};

}  // namespace pennypost::smtp
