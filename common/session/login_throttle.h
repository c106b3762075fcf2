// Failed logins in; how long to hold back the answer, and when to hang up, out.
//
// LoginThrottle counts for one connection, AddressThrottle for one client address over all of them
// (the auth process has one); IPv6 clients count by their /64, in which one host has as many
// addresses as it likes. Neither tells the client whether the name exists.
//
// LIMITS  AddressThrottle remembers at most addresses_max addresses; the oldest are forgotten first
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/net/address.h"

namespace pennypost {

/// The failures of one connection.
class LoginThrottle {
 public:
  /// auth_failure_delay, auth_failure_delay_max, login_tries_max.
  LoginThrottle(Duration first, Duration longest, std::int64_t tries_max)
      : first_(first), longest_(longest), tries_max_(tries_max) {}

  /// Notes a failure; the answer is to be held back that long: the first delay, doubled with each.
  Duration failed();
  /// The connection is to be closed.
  bool is_exhausted() const { return failures_ >= tries_max_; }

 private:
  Duration first_;
  Duration longest_;
  std::int64_t tries_max_;
  std::int64_t failures_ = 0;
};

/// The failures of all client addresses.
class AddressThrottle {
 public:
  static constexpr std::size_t addresses_max = 100'000;

  /// auth_failures_per_address_max (0: no limit), auth_failures_window.
  AddressThrottle(const Clock& clock, std::int64_t failures_max, Seconds window)
      : clock_(clock), failures_max_(failures_max), window_(window) {}

  void failed(const IpAddress& address);
  /// A right password forgives.
  void succeeded(const IpAddress& address);
  /// True while the address has used up its failures: every password is to be refused, unchecked.
  bool is_blocked(const IpAddress& address);

 private:
  struct Failures {
    std::int64_t since = 0;  // seconds; the window's begin
    std::int64_t count = 0;
    std::list<IpAddress>::iterator position;
  };
  bool is_over(const Failures& failures) const;
  const Clock& clock_;
  std::int64_t failures_max_;
  Seconds window_;
  std::map<IpAddress, Failures> failures_;
  std::list<IpAddress> by_age_;
};

}  // namespace pennypost
