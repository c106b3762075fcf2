// Remembers wrong passwords, and decides which clients are slowed or blocked.
//
// Three things are remembered: how many wrong passwords a client address has sent, how many it has
// sent for one login, and which address has logged in as whom. Only the pair of address and login
// is ever blocked, so others behind the same address (NAT, webmail) are not affected. An address
// with many failures is slowed: its passwords are checked one at a time, with a growing pause. A
// right password clears only its own pair, so an attacker gains nothing from having an account.
// Pairs that have logged in before are not slowed because of others at their address.
//
// IPv6 clients are counted by their /64, since one host can use all addresses in it. Nothing here
// depends on whether a login exists.
//
// LIMITS addresses_max, pairs_max, known_max; the longest unchanged is forgotten first
// SEE ALSO  ../../store/login/auth_peers.h (how the auth processes of all daemons share one
// state)
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/base/limit.h"
#include "common/base/result.h"
#include "common/config/network_list.h"
#include "common/net/address.h"

namespace pennypost {

/// A map of at most `entries_max` entries, which drops the entry that was touched longest ago.
template <class Key, class Value>
class AgingMap {
 public:
  explicit AgingMap(std::size_t entries_max) : entries_max_(entries_max) {}

  /// The entry, made if missing; it becomes the youngest.
  Value& touch(const Key& key) {
    auto [found, is_new] = entries_.try_emplace(key);
    Entry& entry = found->second;
    if (is_new) {
      entry.position = by_age_.insert(by_age_.end(), &found->first);
    } else {
      by_age_.splice(by_age_.end(), by_age_, entry.position);
    }
    if (entries_.size() > entries_max_) erase(*by_age_.front());
    return entry.value;
  }
  const Value* find(const Key& key) const {
    auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }
  bool erase(const Key& key) {
    auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    by_age_.erase(found->second.position);
    entries_.erase(found);
    return true;
  }
  std::size_t size() const { return entries_.size(); }
  /// `visit(key, value)` from the oldest to the youngest.
  template <class Visit>
  void each(Visit visit) const {
    for (const Key* key : by_age_) visit(*key, entries_.find(*key)->second.value);
  }

 private:
  struct Entry {
    Value value{};
    typename std::list<const Key*>::iterator position;
  };
  std::size_t entries_max_;
  std::map<Key, Entry> entries_;
  std::list<const Key*> by_age_;
};

/// One thing that the throttle remembers, in a form for other processes.
struct ThrottleEntry {
  enum class Kind : std::uint8_t { Address, Pair, Known };
  Kind kind = Kind::Address;
  IpAddress client = IpAddress::loopback4();  // its client_block()
  std::string login;                          // empty: Address
  std::int64_t since =
      0;  // microseconds since 1970: the beginning of the window; Known: the last login
  std::int64_t last = 0;  // the last wrong password
  std::uint32_t count = 0;
};

class LoginThrottle {
 public:
  static constexpr std::size_t addresses_max = 100'000;
  static constexpr std::size_t pairs_max = 30'000;
  static constexpr std::size_t known_max = 100'000;
  static constexpr std::size_t login_bytes_max = 320;

  /// The parameters auth_failures_per_address_max and auth_failures_per_pair_max,
  /// auth_failures_window, auth_known_client_lifetime, auth_throttle_exempt_networks.
  struct Settings {
    Limit per_address_max{20};
    Limit per_pair_max{5};
    Seconds window{600};
    Seconds known_lifetime{0};
    NetworkList exempt{{}};
  };
  LoginThrottle(const Clock& clock, Settings settings)
      : clock_(clock), settings_(std::move(settings)) {}

  static constexpr Seconds news_interval{60};

  /// A wrong password at `when` (microseconds since 1970; a future time counts as now); with an
  /// empty login only the address is counted. True if this one blocks the pair.
  bool failed(const IpAddress& client, const std::string& login, std::int64_t when);
  /// A right password.
  void succeeded(const IpAddress& client, const std::string& login, std::int64_t when);

  bool is_exempt(const IpAddress& client) const;
  /// Whether every password of this pair must be refused unchecked.
  bool is_blocked(const IpAddress& client, const std::string& login) const;
  /// Whether the address has logged in as `login` before.
  bool is_known(const IpAddress& client, const std::string& login) const;
  /// Whether a right password changes what is remembered: the pair has wrong ones to clear, or is
  /// not known to have logged in within news_interval.
  bool is_news(const IpAddress& client, const std::string& login) const;
  /// Whether the address has reached its limit of wrong passwords.
  bool is_slowed(const IpAddress& client) const;
  /// The number of wrong passwords remembered for an address, or for a pair.
  std::uint32_t failures(const IpAddress& client) const;
  std::uint32_t failures(const IpAddress& client, const std::string& login) const;

  /// How long after a wrong password its answer is sent: `first`, doubled for each that the pair
  /// has sent before, at most `longest`; for a slowed address always `longest`.
  Duration answer_delay(Duration first, Duration longest, const IpAddress& client,
                        const std::string& login) const;
  /// When the next password of a slowed address may be checked, in microseconds since 1970; 0 for
  /// an address that is not slowed. The pause after a failure is `first`, doubled for each further
  /// per_address_max failures, at most `longest`.
  std::int64_t next_check(Duration first, Duration longest, const IpAddress& client) const;

  /// All entries that still count, for a process that starts, and for people.
  std::vector<ThrottleEntry> entries() const;
  /// Adds what another process remembers.
  void merge(const ThrottleEntry& entry);
  /// Forgets the wrong passwords of an address (`192.0.2.7`, `2001:db8::1`), of a login
  /// (`bob@example.org`; `bob` means it in every domain), or all of them (empty). Returns the
  /// number of removed entries.
  std::size_t lift(std::string_view what);

 private:
  using Pair = std::pair<IpAddress, std::string>;
  struct Failures {
    std::int64_t since = 0;
    std::int64_t last = 0;
    std::uint32_t count = 0;
  };
  /// A time from another process, limited to what is possible: neither before 1970 nor in the
  /// future.
  std::int64_t possible(std::int64_t when) const;
  bool is_over(const Failures& failures) const;
  /// The failures that still count; null if there are none.
  const Failures* current(const IpAddress& client) const;
  const Failures* current(const IpAddress& client, const std::string& login) const;
  void count(Failures& failures, std::int64_t when) const;
  void merge(Failures& failures, const ThrottleEntry& entry) const;
  std::int64_t now() const { return clock_.now().count(); }
  static Duration doubled(Duration first, Duration longest, std::uint64_t times);

  const Clock& clock_;
  Settings settings_;
  AgingMap<IpAddress, Failures> addresses_{addresses_max};
  AgingMap<Pair, Failures> pairs_{pairs_max};
  AgingMap<Pair, std::int64_t> known_{known_max};  // the last login, microseconds since 1970
};

}  // namespace pennypost
