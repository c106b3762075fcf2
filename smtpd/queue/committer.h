// Changes to the queue in, "they survive a power cut" out: the one writer of the queue's database.
//
// All changes that came while the last commit was under way are one batch, synced once. Intake
// (new mail) may be refused; outcomes of deliveries may not: they wait until they are recorded.
//
// When the disk is full, intake is answered 452 4.3.1, the ballast is freed, and outcomes go on.
// At any other failure intake is answered 451 4.3.0 and is_writable() turns false, so that no
// further delivery begins. Every `heal_seconds` the committer tries whether all is well again.
//
// LIMITS  batch_bytes_max a batch, and what is larger alone
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "common/async/loop.h"
#include "common/async/nursery.h"
#include "common/base/result.h"
#include "smtpd/queue/ballast.h"
#include "smtpd/queue/body_files.h"
#include "smtpd/queue/record.h"

namespace pennypost::smtp {

inline constexpr std::size_t batch_bytes_max = 8 * 1024 * 1024;
inline constexpr std::chrono::seconds heal_seconds{5};

class Committer {
 public:
  /// What it writes to outlives it.
  Committer(Loop& loop, store::Database& database, const BodyFiles& files, const Ballast& ballast);

  /// New mail. Errors: 452 4.3.1, 451 4.3.0; then nothing of it is in the queue.
  Task<Result<void>> take_in(Changes changes);
  /// What came of mail already in the queue: returns once it is recorded, however long that takes.
  Task<> record(Changes changes);

  /// False while outcomes can't be recorded: then no delivery may begin.
  bool is_writable() const { return problem_ != Problem::Broken; }
  bool takes_in() const { return problem_ == Problem::None; }
  /// Called on the loop whenever is_writable() or takes_in() has changed.
  void on_change(std::function<void()> handler) { on_change_ = std::move(handler); }
  /// Called with a sentence for the log when something begins or ends to be wrong.
  void on_warning(std::function<void(const std::string&)> handler) {
    on_warning_ = std::move(handler);
  }
  /// Commits so far, for tests and statistics.
  std::size_t commits() const { return commits_; }

 private:
  enum class Problem { None, Full, Broken };
  struct Entry {
    Entry(Loop& loop, Changes entry_changes, bool intake)
        : changes(std::move(entry_changes)), is_intake(intake), ended(loop) {}
    Changes changes;
    bool is_intake;
    bool is_over = false;
    std::optional<Error> error;
    Event ended;
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;

  Task<> run();
  Entries next_batch();
  Result<void> write(const Entries& entries);
  Task<> fail(Entries entries, Error error);
  Task<> heal();
  Task<> wait_for_more() { co_await arrived_.wait(); }
  void end(Entry& entry, std::optional<Error> error);
  void set(Problem problem, const std::string& text);

  Loop& loop_;
  store::Database& database_;
  const BodyFiles& files_;
  const Ballast& ballast_;
  std::deque<std::shared_ptr<Entry>> waiting_;
  Problem problem_ = Problem::None;
  std::size_t commits_ = 0;
  std::function<void()> on_change_;
  std::function<void(const std::string&)> on_warning_;
  Event arrived_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
