#include "smtpd/queue/committer.h"

#include <iterator>

namespace pennypost::smtp {
namespace {

Error refusal(const Error& cause) {
  if (store::storage_problem(cause) == store::StorageProblem::Full) {
    return Error(452, "4.3.1 Insufficient system storage");
  }
  return Error(451, "4.3.0 Error: queue file write error");
}

}  // namespace

Committer::Committer(Loop& loop, store::Database& database, const BodyFiles& files,
                     const Ballast& ballast)
    : loop_(loop),
      database_(database),
      files_(files),
      ballast_(ballast),
      arrived_(loop),
      tasks_(loop) {
  tasks_.start(run());
}

Task<Result<void>> Committer::take_in(Changes changes) {
  if (problem_ == Problem::Full) co_return Error(452, "4.3.1 Insufficient system storage");
  if (problem_ == Problem::Broken) co_return Error(451, "4.3.0 Error: queue file write error");
  auto entry = std::make_shared<Entry>(loop_, std::move(changes), true);
  waiting_.push_back(entry);
  arrived_.notify_one();
  while (!entry->is_over) co_await entry->ended.wait();
  if (entry->error) co_return *entry->error;
  co_return Result<void>();
}

Task<> Committer::record(Changes changes) {
  auto entry = std::make_shared<Entry>(loop_, std::move(changes), false);
  waiting_.push_back(entry);
  arrived_.notify_one();
  while (!entry->is_over) co_await entry->ended.wait();
}

Task<> Committer::run() {
  for (;;) {
    if (problem_ == Problem::Broken || (problem_ != Problem::None && waiting_.empty())) {
      co_await heal();
      continue;
    }
    if (waiting_.empty()) {
      co_await arrived_.wait();
      continue;
    }
    Entries entries = next_batch();
    auto written = co_await loop_.offload([&] { return write(entries); });
    ++commits_;
    if (!written) {
      co_await fail(std::move(entries), written.error());
      continue;
    }
    for (const auto& entry : entries) end(*entry, {});
  }
}

Committer::Entries Committer::next_batch() {
  Entries entries;
  std::size_t bytes = 0;
  while (!waiting_.empty()) {
    bytes += waiting_.front()->changes.bytes();
    if (!entries.empty() && bytes > batch_bytes_max) break;
    entries.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return entries;
}

/// On a thread of the pool.
Result<void> Committer::write(const Entries& entries) {
  bool has_new_file = false;
  store::Batch batch;
  for (const auto& entry : entries) {
    has_new_file = has_new_file || entry->changes.has_new_file();
    entry->changes.write_to(batch);
  }
  if (has_new_file) {
    TRY_DO(files_.sync_directory());
  }
  TRY_DO(database_.commit(batch, store::Sync::Yes));
  for (const auto& entry : entries) {
    for (const auto& id : entry->changes.files_to_remove()) files_.remove(id);
  }
  return {};
}

/// Intake is refused; outcomes go back to the head of the queue, in their order.
Task<> Committer::fail(Entries entries, Error error) {
  bool is_full = store::storage_problem(error) == store::StorageProblem::Full;
  Error answer = refusal(error);
  for (auto position = entries.rbegin(); position != entries.rend(); ++position) {
    if ((*position)->is_intake) {
      end(**position, answer);
    } else {
      waiting_.push_front(*position);
    }
  }
  std::erase_if(waiting_, [&](const auto& entry) {
    if (entry->is_intake) end(*entry, answer);
    return entry->is_intake;
  });
  bool has_freed_room = false;
  if (is_full) has_freed_room = co_await loop_.offload([&] { return ballast_.release(); });
  auto healed = co_await loop_.offload([&] { return database_.heal(); });
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
}

/// Waits, then looks whether the database can be written and the ballast is in place again.
Task<> Committer::heal() {
  bool more_came = co_await within(loop_, heal_seconds, wait_for_more());
  if (more_came && problem_ == Problem::Full) co_return;  // outcomes go on
  auto healed = co_await loop_.offload([&] { return database_.heal(); });
  if (!healed) co_return;
  auto ballast = co_await loop_.offload([&] { return ballast_.make(); });
  if (ballast) {
    set(Problem::None, "the queue can be written again");
  } else {
    set(Problem::Full, "deliveries go on, new mail is still refused: " + ballast.error().text());
  }
}

void Committer::end(Entry& entry, std::optional<Error> error) {
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
