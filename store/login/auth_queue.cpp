#include "store/login/auth_queue.h"

#include <tuple>

namespace pennypost::store {

AuthQueue::Attempt::Attempt(AuthQueue& queue, Client client)
    : queue_(queue), client_(std::move(client)), changed_(queue.loop_) {}

AuthQueue::Attempt::~Attempt() { queue_.leave(*this); }

Task<> AuthQueue::Attempt::wait_for_change() {
  while (state_ == State::Waiting) co_await changed_.wait();
}

Task<AuthQueue::Verdict> AuthQueue::Attempt::turn(Duration longest) {
  ASSERT(state_ == State::New);
  if (!queue_.enter(*this)) co_return Verdict::Busy;
  if (state_ == State::Waiting) {
    auto waiting = wait_for_change();
    co_await within(queue_.loop_, longest, std::move(waiting));
    if (state_ == State::Waiting) queue_.stop_waiting(*this, State::Refused);
  }
  if (state_ == State::Running) co_return Verdict::Go;
  co_return state_ == State::Dropped ? Verdict::Gone : Verdict::Busy;
}

void AuthQueue::Attempt::succeed() {
  auto& attempts = queue_.attempts_of(client_.address);
  attempts.count = std::max<std::int64_t>(attempts.count - 1, 0);
}

AuthQueue::AuthQueue(Loop& loop, const Clock& clock, const LoginThrottle& throttle, Limits limits)
    : loop_(loop), clock_(clock), throttle_(throttle), limits_(limits), pause_(loop, [this] {
        start_next();
      }) {}

bool AuthQueue::enter(Attempt& attempt) {
  const Client& client = attempt.client_;
  bool is_trusted =
      throttle_.is_exempt(client.address) || throttle_.is_known(client.address, client.login);
  GroupKey key(client.address.client_block(), is_trusted ? client.login : "");
  auto [group, is_new] = groups_.try_emplace(key);
  if (is_new) group->second.is_trusted = is_trusted;
  auto for_login = waiting_by_login_.find(client.login);
  bool is_login_full =
      for_login != waiting_by_login_.end() && for_login->second >= limits_.per_login_max;
  bool is_address_full = group->second.waiting.size() >= limits_.per_address_max;
  ++attempts_of(client.address).count;
  bool has_no_place = is_suspect(*group) && (is_login_full || is_address_full);
  if (has_no_place || !make_room(*group)) {
    if (is_new) groups_.erase(group);
    return false;
  }
  attempt.group_ = group;
  attempt.state_ = Attempt::State::Waiting;
  attempt.arrival_ = ++last_arrival_;
  group->second.waiting.push_back(&attempt);
  by_key_.insert_or_assign(client.key, &attempt);
  ++waiting_by_login_[client.login];
  ++waiting_;
  // An arrival can't let any other group run, so only this one is tried.
  std::int64_t when = 0;
  if (running_ < limits_.running_max && may_run(*group, when)) {
    run_first(*group);
  } else if (when != 0) {
    start_next();
  }
  return true;
}

void AuthQueue::leave(Attempt& attempt) {
  if (attempt.state_ == Attempt::State::Waiting) {
    stop_waiting(attempt, Attempt::State::Refused);
  } else if (attempt.state_ == Attempt::State::Running) {
    attempt.state_ = Attempt::State::Refused;
    --running_;
    if (attempt.is_suspect_) --suspects_running_;
    auto group = attempt.group_;
    if (!group->second.is_trusted) --strangers_running_;
    --group->second.running;
    trim(*group);
    if (group->second.waiting.empty() && group->second.running == 0) groups_.erase(group);
    start_next();
  }
}

/// Removes it from all lists, and its group too if that is empty.
void AuthQueue::stop_waiting(Attempt& attempt, Attempt::State state) {
  auto group = attempt.group_;
  attempt.state_ = state;
  group->second.waiting.remove(&attempt);
  auto by_key = by_key_.find(attempt.client_.key);
  if (by_key != by_key_.end() && by_key->second == &attempt) by_key_.erase(by_key);
  auto for_login = waiting_by_login_.find(attempt.client_.login);
  if (--for_login->second == 0) waiting_by_login_.erase(for_login);
  --waiting_;
  if (state == Attempt::State::Running) return;
  attempt.changed_.notify_all();
  if (group->second.waiting.empty() && group->second.running == 0) groups_.erase(group);
}

void AuthQueue::drop(const std::string& key) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  Attempt& attempt = *found->second;
  auto group = attempt.group_;
  ++attempts_of(attempt.client_.address).abandoned;
  bool is_kept = group->second.waiting.size() > 1 || group->second.running > 0;
  stop_waiting(attempt, Attempt::State::Dropped);
  // Its client is a suspect now, and gets fewer waiting places.
  if (is_kept) trim(*group);
}

AuthQueue::Attempts& AuthQueue::attempts_of(const IpAddress& client) {
  Attempts& attempts = attempts_.touch(client.client_block());
  auto now = clock_.now().count();
  if (now - attempts.since >= Microseconds(attempts_window).count()) {
    attempts = Attempts();
    attempts.since = now;
  }
  return attempts;
}

AuthQueue::Attempts AuthQueue::attempts(const Groups::value_type& group) const {
  const Attempts* found = attempts_.find(group.first.first);
  if (group.second.is_trusted || found == nullptr) return {};
  bool is_over = clock_.now().count() - found->since >= Microseconds(attempts_window).count();
  return is_over ? Attempts() : *found;
}

bool AuthQueue::is_suspect(const Groups::value_type& group) const {
  return failures(group) > 0 || attempts(group).abandoned > 0;
}

std::int64_t AuthQueue::burden(const Groups::value_type& group) const {
  return failures(group) + attempts(group).count + static_cast<std::int64_t>(group.second.running);
}

std::int64_t AuthQueue::failures(const Groups::value_type& group) const {
  const auto& [address, login] = group.first;
  if (!group.second.is_trusted) return throttle_.failures(address);
  return throttle_.is_exempt(address) ? 0 : throttle_.failures(address, login);
}

void AuthQueue::trim(Groups::value_type& group) {
  auto& waiting = group.second.waiting;
  if (waiting.size() <= limits_.per_address_max || !is_suspect(group)) return;
  // At least one stays, so that the group continues to exist.
  auto kept = std::max<std::size_t>(limits_.per_address_max, 1);
  while (waiting.size() > kept) stop_waiting(*waiting.back(), Attempt::State::Refused);
}

bool AuthQueue::make_room(const Groups::value_type& newcomer) {
  if (waiting_ < limits_.waiting_max) return true;
  auto rank = [this](const Groups::value_type& group) {
    auto own = static_cast<std::int64_t>(group.second.waiting.size());
    return std::pair(!group.second.is_trusted, burden(group) + own);
  };
  auto most = rank(newcomer);
  ++most.second;  // the newcomer's attempt
  Groups::value_type* worst = nullptr;
  for (auto& group : groups_) {
    if (group.second.waiting.empty() || &group == &newcomer || rank(group) < most) continue;
    most = rank(group);
    worst = &group;
  }
  if (worst == nullptr) return false;
  stop_waiting(*worst->second.waiting.back(), Attempt::State::Refused);
  return true;
}

bool AuthQueue::may_run(const Groups::value_type& group, std::int64_t& when) const {
  if (is_suspect(group) && suspects_running_ >= suspects_max()) return false;
  if (group.second.is_trusted) return true;
  if (strangers_running_ >= strangers_max()) return false;
  const Client& client = group.second.waiting.front()->client_;
  auto next = throttle_.next_check(client.first_delay, client.longest_delay, client.address);
  if (next == 0) return true;
  if (group.second.running > 0) return false;
  when = next > clock_.now().count() ? next : 0;
  return when == 0;
}

bool AuthQueue::comes_before(const Groups::value_type& a, const Groups::value_type& b) const {
  auto rank = [this](const Groups::value_type& group) {
    auto arrival = group.second.waiting.front()->arrival_;
    return std::tuple(!group.second.is_trusted, burden(group), UINT64_MAX - arrival);
  };
  return rank(a) < rank(b);
}

void AuthQueue::run_first(Groups::value_type& group) {
  Attempt& attempt = *group.second.waiting.front();
  attempt.is_suspect_ = is_suspect(group);
  ++group.second.running;
  ++running_;
  if (attempt.is_suspect_) ++suspects_running_;
  if (!group.second.is_trusted) ++strangers_running_;
  stop_waiting(attempt, Attempt::State::Running);
  attempt.changed_.notify_all();
}

void AuthQueue::start_next() {
  std::int64_t soonest = 0;
  while (running_ < limits_.running_max) {
    Groups::value_type* best = nullptr;
    soonest = 0;
    for (auto& group : groups_) {
      if (group.second.waiting.empty()) continue;
      std::int64_t when = 0;
      if (may_run(group, when)) {
        if (best == nullptr || comes_before(group, *best)) best = &group;
      } else if (when != 0) {
        soonest = soonest == 0 ? when : std::min(soonest, when);
      }
    }
    if (best == nullptr) break;
    run_first(*best);
  }
  if (soonest == 0) return;
  auto left = std::chrono::ceil<Duration>(Microseconds(soonest) - clock_.now());
  pause_.start(std::max(left, Duration(1)));
}

}  // namespace pennypost::store
