// Commits changes to the queue's database, as its only writer, and answers once they would survive
// a power cut.
//
// All changes that arrive during a commit form the next batch, which is synced once
// (group_commit.h). While commits are quick (quick_commit_max), the loop makes them itself, which
// costs less than waking a thread and being woken by it; otherwise a thread makes one after another
// as long as there is anything to commit. Intake (new mail) may be refused; outcomes of deliveries
// may not: they wait until they are recorded. Changes that are not urgent wait up to soon_max for a
// commit that happens anyway.
//
// When the disk is full, intake is refused with 452 4.3.1, the ballast is freed, and outcomes are
// still recorded. After any other failure, intake is refused with 451 4.3.0 and is_writable()
// becomes false, so that no further delivery begins. Every `heal_seconds` the committer tries to
// return to normal, even while outcomes are being recorded.
//
// LIMITS  batch_bytes_max a batch, and what is larger alone
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "common/async/loop.h"
#include "common/async/nursery.h"
#include "common/base/result.h"
#include "smtpd/queue/ballast.h"
#include "smtpd/queue/body_files.h"
#include "smtpd/queue/group_commit.h"
#include "smtpd/queue/record.h"

namespace pennypost::smtp {

inline constexpr std::chrono::seconds heal_seconds{5};
inline constexpr std::chrono::milliseconds soon_max{20};
inline constexpr std::chrono::microseconds quick_commit_max{2000};

class Committer {
 public:
  /// The references must outlive the committer. The loop itself makes the commits that are expected
  /// to take less than `quick`.
  Committer(Loop& loop, store::Database& database, const BodyFiles& files, const Ballast& ballast,
            std::chrono::microseconds quick);

  /// Begins as after a full disk: intake is refused until the ballast is in place. For a queue that
  /// is opened when there is no space for the ballast.
  void begin_full();

  /// Commits new mail. Errors: 452 4.3.1, 451 4.3.0; then nothing of it is in the queue.
  Task<Result<void>> take_in(Changes changes);
  /// Commits outcomes of mail already in the queue: returns once they are recorded, however long
  /// that takes. With `can_wait`, the commit may start up to soon_max later.
  Task<> record(Changes changes, bool can_wait = false);

  /// False while outcomes can't be recorded: then no delivery may begin.
  bool is_writable() const { return problem_ != Problem::Broken; }
  bool takes_in() const { return problem_ == Problem::None; }
  /// Called on the loop whenever is_writable() or takes_in() has changed.
  void on_change(std::function<void()> handler) { on_change_ = std::move(handler); }
  /// Called with a sentence for the log when a problem begins or ends.
  void on_warning(std::function<void(const std::string&)> handler) {
    on_warning_ = std::move(handler);
  }
  /// Called when only reopening the database can help: the process has to restart.
  void on_lost(std::function<void(const std::string&)> handler) { on_lost_ = std::move(handler); }
  /// Commits so far, for tests and statistics.
  std::size_t commits() const { return commits_; }

 private:
  enum class Problem { None, Full, Broken };
  Task<> run();
  Task<> answer();
  Task<> commit();
  Result<void> write_batches(bool goes_on, CommitEntries& entries);
  Task<> add_and_wait(std::shared_ptr<CommitEntry> entry);
  Result<void> write(const CommitEntries& entries);
  Task<> fail(CommitEntries entries, Error error);
  Task<> heal();
  Task<> wait_for_more();
  Task<> wait_for_change() { co_await arrived_.wait(); }
  Duration time_to_heal() const;
  Task<> wait_for_urgent();
  void end(CommitEntry& entry, std::optional<Error> error);
  void give_up_if_lost(const Error& error);
  void set(Problem problem, const std::string& text);

  Loop& loop_;
  store::Database& database_;
  const BodyFiles& files_;
  const Ballast& ballast_;
  std::chrono::microseconds quick_;
  GroupCommit waiting_;
  Problem problem_ = Problem::None;
  SteadyTime next_heal_{};
  std::atomic<std::size_t> commits_ = 0;
  std::mutex mutex_;
  CommitEntries done_;  // written, and not yet answered
  Signal written_;
  std::function<void()> on_change_;
  std::function<void(const std::string&)> on_warning_;
  std::function<void(const std::string&)> on_lost_;
  Event arrived_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
