// Carries out admins' requests: list, flush, hold, release, remove, requeue, expire.
#include "smtpd/scheduler/scheduler.h"

#include <algorithm>

#include "common/log/log.h"
#include "smtpd/routing/messages.h"

namespace pennypost::smtp {

std::vector<QueueId> Scheduler::ids(const std::string& which) const {
  std::vector<QueueId> found;
  if (waiting_.contains(which) || active_.contains(which)) return {QueueId(which)};
  bool is_all = which == "ALL";
  for (const auto& [id, entry] : waiting_) {
    auto state = entry.is_held ? "hold" : entry.is_new ? "incoming" : "deferred";
    if (is_all || which == state) found.emplace_back(id);
  }
  for (const auto& [id, entry] : active_) {
    if (is_all || which == "active") found.emplace_back(id);
  }
  std::ranges::sort(found);
  return found;
}

// Makes `lookup` reread changed tables, so that an admin's change takes effect on what is tried
// now.
void Scheduler::look_at_tables() { peers_.port("lookup").post(LookAtTables()); }

void Scheduler::flush() {
  look_at_tables();
  destinations_.reopen();
  for (auto& [id, entry] : waiting_) {
    entry.is_flushed = true;
    if (!entry.is_held && !entry.is_new) entry.due = std::min(entry.due, now());
  }
  std::set<Due, SoonestFirst> due;
  for (const auto& one : deferred_) due.emplace(std::min(one.first, now()), one.second);
  deferred_ = std::move(due);
  changed_.notify_all();
}

bool Scheduler::flush(const QueueId& id) {
  look_at_tables();
  auto active = active_.find(id.value());
  if (active != active_.end()) {
    active->second.is_to_be_flushed = true;
    return true;
  }
  auto found = waiting_.find(id.value());
  if (found == waiting_.end()) return false;
  destinations_.reopen();
  found->second.is_flushed = true;
  if (!found->second.is_held && !found->second.is_new) {
    deferred_.erase({found->second.due, &found->first});
    found->second.due = std::min(found->second.due, now());
    deferred_.emplace(found->second.due, &found->first);
  }
  changed_.notify_all();
  return true;
}

/// Changes a waiting message durably and lets it wait again. Meanwhile it counts as active, so that
/// nothing else touches it.
Task<bool> Scheduler::change(QueueId id, AdminRequest request) {
  auto busy = active_.find(id.value());
  if (busy != active_.end()) {
    busy->second.add(request);
    co_return true;
  }
  auto found = waiting_.find(id.value());
  if (found == waiting_.end()) co_return false;
  bool is_held = found->second.is_held;
  if (request == (is_held ? AdminRequest::Hold : AdminRequest::Release)) co_return false;
  WaitingMessage entry = stop_waiting(id.value());
  const AskedMeanwhile& asked = active_.emplace(id.value(), AskedMeanwhile()).first->second;
  auto rewriting = rewrite(id, std::move(entry), request, asked);
  auto rewritten = co_await std::move(rewriting);
  auto asked_last = asked.last;
  active_.erase(id.value());
  ended_.notify_all();
  bool is_gone = !rewritten;
  if (is_gone) ages_.remove(id.value());
  if (rewritten) wait_until_due(id.value(), *std::move(rewritten));
  constexpr std::string_view done[]{
      "placed on hold", "released from hold", "removed", "requeued", "expired", "expired"};
  log_queue_change(id.value(), done[static_cast<int>(request)]);
  changed_.notify_all();
  // Then carries out a request that came while this one was being written.
  if (is_gone || !asked_last) co_return true;
  auto next = change(id, *asked_last);
  co_return co_await std::move(next);
}

bool Scheduler::is_held_after(AdminRequest request, bool is_held) {
  return request == AdminRequest::Hold || (request == AdminRequest::Expire && is_held);
}

/// Commits the change to a message that waited as `entry`. Returns how it waits from now on, or
/// nothing if it is gone. `asked` must outlive the task.
Task<std::optional<WaitingMessage>> Scheduler::rewrite(QueueId id, WaitingMessage entry,
                                                       AdminRequest request,
                                                       const AskedMeanwhile& asked) {
  auto loaded = co_await queue_.load(id);
  Changes changes;
  WaitingMessage next;
  next.recipients = entry.recipients;
  next.is_uncertain = entry.is_uncertain;
  bool is_gone = request == AdminRequest::Remove || (loaded && !*loaded);
  if (loaded && *loaded) {
    QueuedMessage& message = **loaded;
    if (request == AdminRequest::Remove || asked.is_to_be_removed) {
      is_gone = true;
      message.remove(changes);
    } else {
      if (request == AdminRequest::Requeue) message.expand_again();
      bool expires = request == AdminRequest::Expire || request == AdminRequest::ExpireAndRelease;
      auto& record = message.change_record();
      record.is_held = is_held_after(request, entry.is_held);
      record.is_to_expire = record.is_to_expire || expires;
      bool stays_put =
          request == AdminRequest::Hold || (expires && record.is_held == entry.is_held);
      record.due = stays_put ? entry.due : now();
      message.save(changes);
      next.due = message.record().due;
      next.recipients = static_cast<std::uint32_t>(message.pending_count());
      next.is_held = message.record().is_held;
    }
  } else if (!loaded && request == AdminRequest::Remove) {
    auto removal = queue_.removal(id);
    changes = co_await std::move(removal);
  } else if (!loaded) {
    next.is_held = is_held_after(request, entry.is_held);
    next.due = now();
  }
  next.is_new = entry.is_new && !next.is_held && request == AdminRequest::Release;
  auto work = queue_.record(std::move(changes));
  co_await std::move(work);
  if (is_gone) co_return std::nullopt;
  co_return std::optional<WaitingMessage>(std::move(next));
}

}  // namespace pennypost::smtp
