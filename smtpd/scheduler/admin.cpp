// What admins ask for in, the queue changed accordingly out: flush, hold, release, remove, requeue.
#include "smtpd/scheduler/active.h"

#include <algorithm>

#include "common/log/log.h"

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
    active.asked_last = operation;
    co_return true;
  }
  auto found = waiting_.find(id.value());
  if (found == waiting_.end()) co_return false;
  bool is_held = found->second.is_held;
  if (operation == (is_held ? Operation::Hold : Operation::Release)) co_return false;
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
    auto removal = queue_.removal(id);
    changes = co_await std::move(removal);
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
  // What was asked for while this was written comes after it.
  if (is_gone || !active->asked_last) co_return true;
  auto next = change(id, *active->asked_last);
  co_return co_await std::move(next);
}

}  // namespace pennypost::smtp
