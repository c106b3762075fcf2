// Reads the time from the system, or from a clock that a test sets.
#pragma once

#include <chrono>
#include <cstdint>

namespace pennypost {

using Microseconds = std::chrono::microseconds;
using Seconds = std::chrono::seconds;

/// Wall-clock time as microseconds since 1970-01-01 UTC.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Microseconds now() const = 0;
  std::int64_t now_seconds() const { return std::chrono::floor<Seconds>(now()).count(); }

  /// The system's clock; lives as long as the program.
  static const Clock& system();
};

/// A clock that stands still until a test moves it.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Microseconds start = Seconds{1'700'000'000}) : now_(start) {}
  Microseconds now() const override { return now_; }
  void advance(Microseconds by) { now_ += by; }

 private:
  Microseconds now_;
};

}  // namespace pennypost
