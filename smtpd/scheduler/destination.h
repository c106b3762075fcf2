// Limits how many deliveries to one destination are made at once, and how soon after each other.
//
// With feedback, as in Postfix's queue manager, a destination begins with
// initial_destination_concurrency; each success raises its limit by one, up to
// default_destination_concurrency_limit and to initial_destination_concurrency more than are under
// way, and each failed connection lowers it by one. When failures have used up
// default_destination_concurrency_failed_cohort_limit whole rounds, it is dead for a while: what
// waits for it is deferred at once, with the reason. Without feedback (local delivery) the limit is
// fixed.
//
// With a pause between deliveries one at a time is made (default_destination_rate_delay), or any
// number whose starts are that far apart (default_transport_rate_delay).
//
// Leases are granted in the order of the requests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <optional>
#include <string>

#include "common/async/loop.h"

namespace pennypost::smtp {

class Destination {
 public:
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
  enum class Spacing {
    None,
    EndToStart,    // the pause begins when a delivery ends
    StartToStart,  // when it starts
  };
  struct Limits {
    std::size_t initial = 5;
    std::size_t most = 20;
    double failed_cohorts = 1;  // 0: it is never dead
    bool has_feedback = true;
    std::size_t waiting_max = 5000;
    Spacing spacing = Spacing::None;
    Duration pause{0};

    bool operator==(const Limits&) const = default;
    /// The limit at the beginning: at least 1, at most `most`.
    std::size_t first() const { return std::max<std::size_t>(1, std::min(initial, most)); }
  };
  Destination(Loop& loop, Limits limits);
  /// For a reload: running deliveries go on, and the next ones obey the new limits.
  void set_limits(const Limits& limits);
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  /// Nothing may be waiting any more.
  ~Destination();

  /// The right to one delivery; its destructor returns it.
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

  /// Waits for a lease. Nothing if the destination is dead or closed, or if too many wait already.
  Task<std::optional<Lease>> take(std::int64_t now);

  void succeeded();
  /// A connection failed. If that was one too many, the destination is dead until `dead_until`
  /// (seconds since 1970).
  void failed(const std::string& reason, std::int64_t dead_until);
  /// Turns away all waiters and every later request, until reopen(), which also ends being dead.
  void close();
  void reopen();

  /// How long the line takes at least that stands before the next request, because of the pauses.
  Duration line() const { return limits_.pause * static_cast<std::int64_t>(waiting_.size()); }
  bool is_dead(std::int64_t now) const { return now < dead_until_; }
  /// Why the destination is dead.
  const std::string& reason() const { return reason_; }
  /// Whether it is neither in use, dead nor in a pause, so that it can be forgotten.
  bool is_idle(std::int64_t now) const {
    return busy_ == 0 && waiting_.empty() && !is_dead(now) && !is_pausing();
  }
  std::size_t limit() const { return window_; }
  std::size_t busy() const { return busy_; }

 private:
  struct Turn;
  bool is_pausing() const { return limits_.spacing != Spacing::None && loop_.now() < pause_ends_; }
  bool has_place() const { return busy_ < window_ && !is_pausing(); }
  void begin();
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
  SteadyTime pause_ends_{};
  Timer pause_;
};

}  // namespace pennypost::smtp
