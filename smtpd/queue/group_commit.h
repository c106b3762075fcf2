// Group commit: batches pending changes to the queue, for the loop if a commit is quick, otherwise
// for a thread.
//
// All changes that arrive during a commit form the next batch. Before the thread takes it, it waits
// a little for clients that the last commits have just answered, since they are likely to send more
// at once: until there are as many changes as in the larger of the last two batches, but never
// longer than gather_max, nor than a quarter of the time that the last commit took. A single client
// is never kept waiting. A longer wait would make fewer and larger commits, but then all clients
// would wait for the disk at the same time and the processors would be idle.
//
// A commit is expected to take as long as the last one. The loop never waits for more changes,
// since none can arrive while it does.
//
// A change that is not urgent (`can_wait`) causes no commit of its own: it goes with the next one.
// An example is a removal whose loss would only cause an attempt that delivers nothing.
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
inline constexpr int gather_share = 4;  // the divisor: a quarter of the last commit's duration
/// After a pause of this length no client is expected to send more at once.
inline constexpr std::chrono::milliseconds gather_memory{50};

/// Changes whose caller waits until they are on disk or refused.
struct CommitEntry {
  enum class Kind {
    Intake,   // new mail: may be refused
    Outcome,  // of mail in the queue: waits until it is recorded
    CanWait,  // the same, but not urgent: goes with the next commit
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
  /// Puts the entries of a failed commit in front of all others, in their order.
  void put_back(const CommitEntries& entries);
  bool empty() const;
  /// Whether anything but CanWait is waiting.
  bool is_urgent() const;
  /// Whether a commit of everything that waits is expected to take less than `limit`: it involves
  /// no file, it has at most quick_bytes_max, and the last commit took less.
  bool is_quick(std::chrono::microseconds limit) const;
  /// Removes and returns all intake.
  CommitEntries take_intake();

  /// For the committing thread, before it takes a batch: waits for more, as described above.
  void wait_for_others();
  /// Takes the next batch: at most batch_bytes_max, or a single larger entry.
  CommitEntries take();
  /// To be called after each commit, with its duration.
  void note_commit(std::chrono::microseconds took);

 private:
  using Time = std::chrono::steady_clock::time_point;
  std::chrono::microseconds gather_time(Time now) const;

  mutable std::mutex mutex_;
  std::condition_variable enough_;
  std::deque<std::shared_ptr<CommitEntry>> entries_;
  std::size_t urgent_ = 0;    // how many of entries_ are not CanWait
  std::size_t expected_ = 0;  // the committing thread waits for this many; 0: it does not wait
  std::size_t last_batch_ = 0;
  std::size_t batch_before_ = 0;
  std::chrono::microseconds last_took_{0};
  Time last_end_{};
};

}  // namespace pennypost::smtp
