// Keeps log lines that could not be written yet, in order and within a limit.
//
// Lines beyond the limit are counted, and a line with the count is logged, so nothing is lost
// silently. After a fork the child forgets its parent's lines, which the parent still has.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>

namespace pennypost {

/// The most bytes of lines that wait in a process.
inline constexpr std::size_t log_kept_bytes_max = 256 << 10;

/// The result of an attempt to write the waiting lines.
enum class Drained {
  All,     ///< no line waits any more
  Some,    ///< the reader is slow: try again soon
  Nothing  ///< try again later
};

/// Not thread-safe, except for any().
class KeptLines {
 public:
  /// Whether lines wait.
  bool any() const { return any_.load(std::memory_order_relaxed); }
  /// How many lines were dropped beyond the limit and not reported yet.
  std::size_t lost() const { return lost_; }

  /// `text` is one line, or several gathered lines that each end in '\n'.
  void add(std::string text);
  /// Passes the waiting lines to `write`, the oldest first, until it returns false; `write` may
  /// remove the part that it has written. `tell` makes the line that reports how many were lost.
  Drained drain(const std::function<bool(std::string&)>& write,
                const std::function<std::string(std::size_t)>& tell);

 private:
  void forget_parents();
  void add_line(std::string text);
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
  std::size_t lost_ = 0;
  int process_ = 0;
  std::atomic<bool> any_ = false;
};

}  // namespace pennypost
