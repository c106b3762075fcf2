// Group commit: batches pending changes to the queue, for the loop, where a commit is quick, or for
// a thread.
//
// All that came while the last commit was under way is the next batch. Before that thread takes it,
// it waits for those who are likely to be back at once, since the last commits have just answered
// them: until as many changes are there as the larger of the last two batches had, but never longer
// than gather_max, nor than a quarter of what the last commit took. Whoever is alone is never kept
// waiting. A longer wait would make fewer commits of more changes, but then all clients would wait
// for the disk at the same time, and the processors would have nothing to do meanwhile.
//
// A commit is expected to be as quick as the last one. The loop never waits for others, since
// nobody could reach it meanwhile.
//
// A change that has time (a removal, without which a second attempt would only be made in vain)
// causes no commit: it goes with the next one.
//
// SEE ALSO   committer.h
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/async/loop.h"
#include "common/base/result.h"
#include "smtpd/queue/record.h"

namespace pennypost::smtp {

inline constexpr std::size_t batch_bytes_max = 8 * 1024 * 1024;
inline constexpr std::size_t quick_bytes_max = 256 * 1024;
inline constexpr std::chrono::microseconds gather_max{2000};
inline constexpr int gather_share = 4;  // of what the last commit took
/// After a pause of this length nobody is expected to be back.
inline constexpr std::chrono::milliseconds gather_memory{50};

/// Changes that somebody waits for, until they are on disk or refused.
struct CommitEntry {
  enum class Kind {
    Intake,   // new mail: may be refused
    Outcome,  // of mail in the queue: waits until it is recorded
    HasTime,  // the same, and goes with the next commit that happens anyway
  };
  CommitEntry(Loop& loop, Changes entry_changes, Kind entry_kind)
      : changes(std::move(entry_changes)), kind(entry_kind), ended(loop) {}
  Changes changes;
  Kind kind;
  bool is_over = false;
  std::optional<Error> error;
  Event ended;
};
using CommitEntries = std::vector<std::shared_ptr<CommitEntry>>;

class GroupCommit {
 public:
  void add(std::shared_ptr<CommitEntry> entry);
  /// After a commit that failed: in front of all others, in their order.
  void put_back(const CommitEntries& entries);
  bool empty() const;
  /// Whether anything is there that has no time.
  bool is_urgent() const;
  /// Whether a commit of all that is here should take less than `limit`: no file belongs to it, it
  /// has quick_bytes_max at most, and the last one took less.
  bool is_quick(std::chrono::microseconds limit) const;
  /// All intake, which then is no longer here.
  CommitEntries take_intake();

  /// For the committing thread, before it takes a batch: waits, as said above.
  void wait_for_others();
  /// The next batch, of at most batch_bytes_max, or one entry.
  CommitEntries take();
  /// How long the commit of that batch took.
  void note_commit(std::chrono::microseconds took);

 private:
  using Time = std::chrono::steady_clock::time_point;
  std::chrono::microseconds patience(Time now) const;

  mutable std::mutex mutex_;
  std::condition_variable enough_;
  std::deque<std::shared_ptr<CommitEntry>> entries_;
  std::size_t urgent_ = 0;    // of entries_
  std::size_t expected_ = 0;  // the committing thread waits for so many; 0: it does not wait
  std::size_t last_batch_ = 0;
  std::size_t batch_before_ = 0;
  std::chrono::microseconds last_took_{0};
  Time last_end_{};
};

}  // namespace pennypost::smtp
