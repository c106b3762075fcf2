#include "smtpd/scheduler/destination.h"

#include <algorithm>

namespace pennypost::smtp {

/// A place in the line of waiters; its destructor leaves the line, and returns a lease that was
/// granted but not taken.
struct Destination::Turn {
  explicit Turn(Destination& of) : destination(of), decided(of.loop_) {
    place = of.waiting_.insert(of.waiting_.end(), this);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (is_waiting) destination.waiting_.erase(place);
    if (has_lease) destination.give_back();
  }
  Destination& destination;
  Event decided;
  std::list<Turn*>::iterator place;
  bool is_waiting = true;
  bool has_lease = false;
};

Destination::Destination(Loop& loop, Limits limits)
    : loop_(loop), limits_(limits), window_(limits.first()), pause_(loop, [this] { grant(); }) {}

void Destination::set_limits(const Limits& limits) {
  if (limits == limits_) return;
  limits_ = limits;
  bool is_fixed = !limits.has_feedback;
  window_ = is_fixed ? limits.first() : std::max<std::size_t>(1, std::min(window_, limits.most));
  grant();
}

Destination::~Destination() { ASSERT(waiting_.empty()); }

Task<std::optional<Destination::Lease>> Destination::take(std::int64_t now) {
  if (closed_ || is_dead(now) || waiting_.size() >= limits_.waiting_max) co_return std::nullopt;
  if (has_place() && waiting_.empty()) {
    begin();
    co_return std::optional<Lease>(Lease(*this));
  }
  Turn turn(*this);
  grant();  // nobody else may be there to do it after the pause
  while (turn.is_waiting) co_await turn.decided.wait();
  if (!turn.has_lease) co_return std::nullopt;
  turn.has_lease = false;
  co_return std::optional<Lease>(Lease(*this));
}

void Destination::begin() {
  ++busy_;
  if (limits_.spacing == Spacing::StartToStart) pause_ends_ = loop_.now() + limits_.pause;
}

void Destination::give_back() {
  ASSERT(busy_ > 0);
  --busy_;
  if (limits_.spacing == Spacing::EndToStart) pause_ends_ = loop_.now() + limits_.pause;
  grant();
}

void Destination::grant() {
  while (has_place() && !waiting_.empty()) {
    Turn* turn = waiting_.front();
    waiting_.pop_front();
    turn->is_waiting = false;
    turn->has_lease = true;
    begin();
    turn->decided.notify_one();
  }
  if (!waiting_.empty() && is_pausing()) pause_.start(pause_ends_);
}

void Destination::turn_away() {
  while (!waiting_.empty()) {
    Turn* turn = waiting_.front();
    waiting_.pop_front();
    turn->is_waiting = false;
    turn->decided.notify_one();
  }
}

void Destination::succeeded() {
  dead_until_ = 0;
  failed_cohorts_ = 0;
  if (!limits_.has_feedback || window_ >= limits_.most) return;
  if (window_ >= busy_ + limits_.first()) return;  // more at once was not needed
  ++window_;
  grant();
}

void Destination::failed(const std::string& reason, std::int64_t dead_until) {
  if (!limits_.has_feedback) return;
  failed_cohorts_ += 1.0 / static_cast<double>(window_);
  window_ = std::max<std::size_t>(1, window_ - 1);
  if (limits_.failed_cohorts <= 0 || failed_cohorts_ + 0.01 < limits_.failed_cohorts) return;
  dead_until_ = dead_until;
  reason_ = reason;
  window_ = limits_.first();
  failed_cohorts_ = 0;
  turn_away();
}

void Destination::close() {
  closed_ = true;
  turn_away();
}

void Destination::reopen() {
  closed_ = false;
  dead_until_ = 0;
}

}  // namespace pennypost::smtp
