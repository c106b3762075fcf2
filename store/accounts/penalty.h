// Failed logins by client address and login name in, how long the next failure's answer is held
// back out.
//
// As Dovecot's auth penalty: the delay doubles with each failure, up to the longest, and one
// failure is forgiven each `forget_after` without another. Two counts are kept: of the address
// alone, since a client may try many names, and of address and name. The greater decides. A right
// password forgives the name at that address, not the address: else an own account would buy
// guesses at others'.
//
// IPv6 clients count by their /64: one host has as many addresses as it likes there.
//
// Time is measured from when the request came, so that the answer's delay does not tell what kind
// of user was asked for.
//
// A value without locks, for one thread. SEE ALSO ../../common/session/login_throttle.h (one
// connection's failures, and the limit after which an address is refused unchecked)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/net/address.h"

namespace pennypost::store {

class LoginPenalty {
 public:
  static constexpr std::size_t entries_max = 100'000;  ///< the least recently used go first

  /// auth_failure_delay (zero: never a delay), auth_failure_delay_max, auth_failures_window.
  LoginPenalty(const Clock& clock, Microseconds first, Microseconds longest,
               Microseconds forget_after)
      : clock_(clock), first_(first), longest_(longest), forget_after_(forget_after) {}

  /// Notes a failure; the answer is held back that long, counted from the request.
  Microseconds failed(const IpAddress& address, std::string_view login);
  /// Forgives what was noted of this name at this address.
  void succeeded(const IpAddress& address, std::string_view login);
  /// What a failure would cost now, e.g. for a client that disconnects and comes back.
  Microseconds delay(const IpAddress& address, std::string_view login) const;

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint32_t failures = 0;
    Microseconds last{0};
    std::list<std::string>::iterator position;
  };
  std::uint32_t failures_of(const std::string& key) const;
  std::uint32_t note(const std::string& key);
  Microseconds delay_of(std::uint32_t failures) const;

  const Clock& clock_;
  Microseconds first_;
  Microseconds longest_;
  Microseconds forget_after_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> by_use_;  // least recent first
};

}  // namespace pennypost::store
