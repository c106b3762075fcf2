// Limits how many deliveries one destination has at once.
//
// With feedback, as Postfix's queue manager: a destination begins with
// initial_destination_concurrency; each success raises its limit by one, up to
// default_destination_concurrency_limit, and each failed connection lowers it by one. When failures
// have used up default_destination_concurrency_failed_cohort_limit whole rounds, it is dead for a
// while: what waits for it is turned away at once with the reason. Without feedback (local
// delivery) the limit is fixed.
//
// Leases are given in the order in which they were asked for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "common/async/loop.h"

namespace pennypost::smtp {

class Destination {
 public:
  struct Limits {
    std::size_t initial = 5;
    std::size_t most = 20;
    double failed_cohorts = 1;  // 0: never dead
    bool has_feedback = true;
    std::size_t waiting_max = 5000;

    bool operator==(const Limits&) const = default;
    /// Where a destination begins: never above `most`.
    std::size_t first() const { return std::max<std::size_t>(1, std::min(initial, most)); }
  };
  Destination(Loop& loop, Limits limits);
  /// A reload may change them: what goes on goes on, the next deliveries keep to the new ones.
  void set_limits(const Limits& limits);
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  /// Nobody may wait any more.
  ~Destination();

  /// The right to one delivery; goes back with the object.
  class Lease {
   public:
    explicit Lease(Destination& of) : of_(&of) {}
    Lease(Lease&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (of_ != nullptr) of_->give_back();
    }

   private:
    Destination* of_;
  };

  /// A lease, or nothing when it is dead, closed, or too many wait already.
  Task<std::optional<Lease>> take(std::int64_t now);

  void succeeded();
  /// A connection failed; it is dead until `dead_until` (seconds since 1970) if that was too many.
  void failed(const std::string& reason, std::int64_t dead_until);
  /// Turns away all that wait; with `reopen()` it begins anew.
  void close();
  void reopen();

  bool is_dead(std::int64_t now) const { return now < dead_until_; }
  /// Why it is dead.
  const std::string& reason() const { return reason_; }
  /// Neither used nor remembered for a failure: can be forgotten.
  bool is_idle(std::int64_t now) const { return busy_ == 0 && waiting_.empty() && !is_dead(now); }
  std::size_t limit() const { return window_; }
  std::size_t busy() const { return busy_; }

 private:
  struct Turn;
  void give_back();
  void grant();
  void turn_away();

  Loop& loop_;
  Limits limits_;
  std::size_t window_;
  std::size_t busy_ = 0;
  double failed_cohorts_ = 0;
  std::int64_t dead_until_ = 0;
  std::string reason_;
  bool closed_ = false;
  std::list<Turn*> waiting_;
};

}  // namespace pennypost::smtp
