// Keeps the log lines that could not be written until they can be: in order, and within a limit.
//
// What is beyond the limit is counted, and the count becomes a line of its own: nothing is lost
// without a word. After a fork the child forgets the lines of its parent, which has them still.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>

namespace pennypost {

/// So many bytes of lines wait in each process at most.
inline constexpr std::size_t log_kept_bytes_max = 256 << 10;

/// What came of an attempt to write what waits.
enum class Drained {
  All,     ///< nothing waits any more
  Some,    ///< whoever reads is slow: try again soon
  Nothing  ///< try again later
};

/// Not thread-safe, but for any().
class KeptLines {
 public:
  /// Whether something waits.
  bool any() const { return any_.load(std::memory_order_relaxed); }
  /// How many lines were beyond the limit, and have not been told of yet.
  std::size_t lost() const { return lost_; }

  /// `text` is a line, or several that were gathered, of which each ends in '\n'.
  void add(std::string text);
  /// Hands over what waits, the oldest first, until `write` answers false; it may take the
  /// beginning of what it is given away. `tell` makes the line that says how many were lost.
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
