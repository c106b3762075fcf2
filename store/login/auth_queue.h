// Decides whose password is checked next, and which attempts are refused unchecked.
//
// A check costs a hash of some 60 ms, so that anybody could fill the processor with wrong
// passwords. Therefore:
//   - pairs of address and login that have logged in before, and exempt networks, come before
//     strangers; one thread is kept for them;
//   - among strangers the address with the fewest wrong passwords and other fruitless attempts (in
//     attempts_window) comes first: an attacker's addresses fall behind at once;
//   - then the latest comes first: under a flood those who have waited long have mostly given up;
//   - suspects, which are clients with wrong or abandoned passwords, get at most half of the
//     threads, and only a few waiting places: per_address_max, per_login_max. Further attempts are
//     refused unchecked, to be tried again later;
//   - a slowed address has one check at a time, with a pause after each;
//   - an attempt whose client has gone is dropped.
// All others share only waiting_max; when that is reached, a client gives way with its newest
// attempt: the one with the most failures and waiting attempts together.
//
// LIMITS     waiting_max, per_address_max, per_login_max, running_max
// SEE ALSO   ../../common/session/login_throttle.h (who has failed), auth_process.h (the caller)
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/session/login_throttle.h"

namespace pennypost::store {

class AuthQueue {
 public:
  /// auth_waiting_max, auth_waiting_per_address_max, auth_waiting_per_login_max,
  /// auth_worker_threads.
  struct Limits {
    std::size_t waiting_max = 1000;
    std::size_t per_address_max = 4;
    std::size_t per_login_max = 4;
    std::size_t running_max = 4;
  };
  /// The client of an attempt: `key` names the attempt for drop(); the delays are the service's,
  /// for the pause of a slowed address.
  struct Client {
    std::string key;
    IpAddress address = IpAddress::loopback4();
    std::string login;
    Duration first_delay{};
    Duration longest_delay{};
  };
  static constexpr Duration attempts_window{60'000};
  enum class Verdict : std::uint8_t {
    Go,    ///< check it now; the turn ends with the Attempt
    Busy,  ///< not now: no place in the queue, or not in time
    Gone,  ///< drop() was called
  };

  AuthQueue(Loop& loop, const Clock& clock, const LoginThrottle& throttle, Limits limits);

 private:
  using GroupKey = std::pair<IpAddress, std::string>;
  struct Group;

 public:
  /// One password to check; leaves the queue, or ends its turn, when destroyed. A wrong password
  /// must be counted before that.
  class Attempt {
   public:
    Attempt(AuthQueue& queue, Client client);
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt();
    /// Waits for the turn, at most `longest`. To be called once.
    Task<Verdict> turn(Duration longest);
    /// The password was right: the attempt does not count against its address.
    void succeed();

   private:
    friend class AuthQueue;
    enum class State : std::uint8_t { New, Waiting, Running, Refused, Dropped };
    Task<> wait_for_change();
    AuthQueue& queue_;
    Client client_;
    Event changed_;
    State state_ = State::New;
    bool is_suspect_ = false;  // its client had wrong passwords when its turn came
    std::uint64_t arrival_ = 0;
    std::map<GroupKey, Group>::iterator group_;
  };

  /// The client of this attempt has gone: the attempt is dropped if it still waits.
  void drop(const std::string& key);
  std::size_t waiting() const { return waiting_; }
  std::size_t running() const { return running_; }

 private:
  /// The attempts of one address or, if it is trusted, of one pair of address and login.
  struct Group {
    bool is_trusted = false;
    std::list<Attempt*> waiting;
    std::size_t running = 0;
  };
  using Groups = std::map<GroupKey, Group>;
  /// The attempts of an address in attempts_window, without those that succeeded.
  struct Attempts {
    std::int64_t since = 0;  // microseconds since 1970
    std::int64_t count = 0;
    std::int64_t abandoned = 0;
  };

  bool enter(Attempt& attempt);
  void leave(Attempt& attempt);
  void stop_waiting(Attempt& attempt, Attempt::State state);
  /// False if the newcomer itself must give way.
  bool make_room(const Groups::value_type& newcomer);
  /// Refuses those beyond per_address_max, once their client has wrong passwords.
  void trim(Groups::value_type& group);
  Attempts& attempts_of(const IpAddress& client);
  Attempts attempts(const Groups::value_type& group) const;
  std::int64_t failures(const Groups::value_type& group) const;
  bool is_suspect(const Groups::value_type& group) const;
  /// What counts against a group: failures, and fruitless attempts.
  std::int64_t burden(const Groups::value_type& group) const;
  /// Whether the group's first attempt may be checked now; if not, `when` is the time from which it
  /// may be, if that is known.
  bool may_run(const Groups::value_type& group, std::int64_t& when) const;
  bool comes_before(const Groups::value_type& a, const Groups::value_type& b) const;
  void run_first(Groups::value_type& group);
  void start_next();
  std::size_t strangers_max() const { return std::max<std::size_t>(limits_.running_max - 1, 1); }
  std::size_t suspects_max() const { return std::max<std::size_t>(limits_.running_max / 2, 1); }

  Loop& loop_;
  const Clock& clock_;
  const LoginThrottle& throttle_;
  Limits limits_;
  Groups groups_;
  AgingMap<IpAddress, Attempts> attempts_{LoginThrottle::addresses_max};
  std::unordered_map<std::string, Attempt*> by_key_;
  std::unordered_map<std::string, std::size_t> waiting_by_login_;
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  std::size_t strangers_running_ = 0;
  std::size_t suspects_running_ = 0;
  std::uint64_t last_arrival_ = 0;
  Timer pause_;
};

}  // namespace pennypost::store
