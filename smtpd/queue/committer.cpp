#include "smtpd/queue/committer.h"

#include <algorithm>
#include <iterator>

#include "smtpd/queue/refusal.h"

namespace pennypost::smtp {
namespace {

Error refusal(const Error& cause) {
  bool is_full = store::storage_problem(cause) == store::StorageProblem::Full;
  return is_full ? insufficient_storage() : queue_write_error();
}

}  // namespace

Committer::Committer(Loop& loop, store::Database& database, const BodyFiles& files,
                     const Ballast& ballast, std::chrono::microseconds quick)
    : loop_(loop),
      database_(database),
      files_(files),
      ballast_(ballast),
      quick_(quick),
      written_(loop),
      arrived_(loop),
      tasks_(loop) {
  tasks_.start(run());
  tasks_.start(answer());
}

void Committer::begin_full() {
  problem_ = Problem::Full;
  next_heal_ = loop_.now() + heal_seconds;
  arrived_.notify_one();  // while nothing is wrong, run() waits for this alone
}

Task<Result<void>> Committer::take_in(Changes changes) {
  if (problem_ == Problem::Full) co_return insufficient_storage();
  if (problem_ == Problem::Broken) co_return queue_write_error();
  auto entry = std::make_shared<CommitEntry>(loop_, std::move(changes), CommitEntry::Kind::Intake);
  co_await add_and_wait(entry);
  if (entry->error) co_return *entry->error;
  co_return Result<void>();
}

Task<> Committer::record(Changes changes, bool can_wait) {
  auto kind = can_wait ? CommitEntry::Kind::CanWait : CommitEntry::Kind::Outcome;
  auto entry = std::make_shared<CommitEntry>(loop_, std::move(changes), kind);
  co_await add_and_wait(entry);
}

Task<> Committer::add_and_wait(std::shared_ptr<CommitEntry> entry) {
  waiting_.add(entry);
  arrived_.notify_one();
  while (!entry->is_over) co_await entry->ended.wait();
}

Task<> Committer::run() {
  for (;;) {
    if (problem_ != Problem::None && loop_.now() >= next_heal_) {
      co_await heal();
      continue;
    }
    if (problem_ == Problem::Broken) {
      co_await loop_.sleep(time_to_heal());
      continue;
    }
    if (waiting_.empty()) {
      co_await wait_for_more();
      continue;
    }
    if (!waiting_.is_urgent()) co_await within(loop_, soon_max, wait_for_urgent());
    co_await commit();
  }
}

Task<> Committer::commit() {
  CommitEntries entries;
  Result<void> written;
  co_await loop_.yield();  // so that all changes of this turn of the loop are one batch
  if (waiting_.is_quick(quick_)) {
    entries = waiting_.take();
    written = write(entries);
    if (written) {
      for (const auto& entry : entries) end(*entry, {});
    }
  } else {
    bool goes_on = problem_ == Problem::None;
    written = co_await loop_.offload([&] { return write_batches(goes_on, entries); });
  }
  if (!written) co_await fail(std::move(entries), written.error());
}

/// Runs on a thread of the pool: writes the next batch and, if `goes_on`, further batches until
/// nothing urgent is waiting. After an error, `entries` is the batch that failed.
Result<void> Committer::write_batches(bool goes_on, CommitEntries& entries) {
  do {
    waiting_.wait_for_others();
    entries = waiting_.take();
    auto written = write(entries);
    if (!written) return written;
    std::lock_guard lock(mutex_);
    std::ranges::move(entries, std::back_inserter(done_));
    written_.raise();
  } while (goes_on && waiting_.is_urgent());
  return {};
}

Task<> Committer::answer() {
  for (;;) {
    co_await written_.wait();
    CommitEntries entries;
    {
      std::lock_guard lock(mutex_);
      entries.swap(done_);
    }
    for (const auto& entry : entries) end(*entry, {});
  }
}

/// Waits for a change, or until it is time to call heal().
Task<> Committer::wait_for_more() {
  if (problem_ == Problem::None) {
    co_await arrived_.wait();
  } else {
    co_await within(loop_, time_to_heal(), wait_for_change());
  }
}

Duration Committer::time_to_heal() const {
  return std::chrono::ceil<Duration>(std::max(next_heal_ - loop_.now(), SteadyTime::duration(0)));
}

Task<> Committer::wait_for_urgent() {
  while (!waiting_.is_urgent()) co_await arrived_.wait();
}

/// Runs on the loop or on a thread of the pool.
Result<void> Committer::write(const CommitEntries& entries) {
  auto begun = std::chrono::steady_clock::now();
  bool has_new_file = false;
  std::vector<const Changes*> all;
  for (const auto& entry : entries) {
    has_new_file = has_new_file || entry->changes.has_new_file();
    all.push_back(&entry->changes);
  }
  store::Batch batch;
  Changes::write(all, batch);
  if (has_new_file) {
    TRY_DO(files_.sync_directory());
  }
  TRY_DO(database_.commit(batch, store::Sync::Yes));
  for (const auto& entry : entries) {
    for (const auto& id : entry->changes.files_to_remove()) files_.remove(id);
  }
  auto took = std::chrono::steady_clock::now() - begun;
  waiting_.note_commit(std::chrono::duration_cast<std::chrono::microseconds>(took));
  return {};
}

/// Refuses intake, and puts outcomes back to the front of the waiting changes, in their order.
Task<> Committer::fail(CommitEntries entries, Error error) {
  bool is_full = store::storage_problem(error) == store::StorageProblem::Full;
  Error answer = refusal(error);
  auto is_intake = [](const auto& entry) { return entry->kind == CommitEntry::Kind::Intake; };
  auto outcomes = std::stable_partition(entries.begin(), entries.end(), is_intake);
  waiting_.put_back(CommitEntries(outcomes, entries.end()));
  entries.erase(outcomes, entries.end());
  for (auto& entry : waiting_.take_intake()) entries.push_back(std::move(entry));
  for (const auto& entry : entries) end(*entry, answer);
  bool has_freed_room = false;
  if (is_full) has_freed_room = co_await loop_.offload([&] { return ballast_.release(); });
  auto healed = co_await loop_.offload([&] { return database_.heal(); });
  next_heal_ = loop_.now() + heal_seconds;
  if (!healed) give_up_if_lost(healed.error());
  bool goes_on = is_full && has_freed_room && healed;
  if (goes_on) {
    set(Problem::Full,
        "the queue's disk is full: new mail is refused until there is room; "
        "deliveries go on (" +
            error.text() + ")");
  } else {
    set(Problem::Broken,
        "the queue can't be written: new mail is refused and deliveries wait "
        "until it can (" +
            error.text() + ")");
  }
  // Intake that arrived while the ballast was freed would otherwise wait until the disk is well
  // again.
  for (const auto& entry : waiting_.take_intake()) end(*entry, answer);
}

/// Tries whether the database can be written again, then whether the ballast can be put back.
Task<> Committer::heal() {
  auto healed = co_await loop_.offload([&] { return database_.heal(); });
  next_heal_ = loop_.now() + heal_seconds;
  if (!healed) {
    give_up_if_lost(healed.error());
    co_return;
  }
  auto ballast = co_await loop_.offload([&] { return ballast_.make(); });
  if (ballast) {
    set(Problem::None, "the queue can be written again");
  } else {
    set(Problem::Full, "deliveries go on, new mail is still refused: " + ballast.error().text());
  }
}

void Committer::give_up_if_lost(const Error& error) {
  bool is_lost = store::storage_problem(error) == store::StorageProblem::Lost;
  if (is_lost && on_lost_) on_lost_(error.text());
}

void Committer::end(CommitEntry& entry, std::optional<Error> error) {
  entry.is_over = true;
  entry.error = std::move(error);
  entry.ended.notify_all();
}

void Committer::set(Problem problem, const std::string& text) {
  if (problem == problem_) return;
  problem_ = problem;
  if (on_warning_) on_warning_(text);
  if (on_change_) on_change_();
}

}  // namespace pennypost::smtp
