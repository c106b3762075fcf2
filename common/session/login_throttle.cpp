#include "common/session/login_throttle.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/idn.h"

namespace pennypost {

std::int64_t LoginThrottle::possible(std::int64_t when) const {
  return std::clamp<std::int64_t>(when, 0, now());
}

bool LoginThrottle::is_over(const Failures& failures) const {
  return now() - failures.since >= Microseconds(settings_.window).count();
}

const LoginThrottle::Failures* LoginThrottle::current(const IpAddress& client) const {
  const Failures* found = addresses_.find(client.client_block());
  return found == nullptr || is_over(*found) ? nullptr : found;
}

const LoginThrottle::Failures* LoginThrottle::current(const IpAddress& client,
                                                      const std::string& login) const {
  const Failures* found = pairs_.find({client.client_block(), login});
  return found == nullptr || is_over(*found) ? nullptr : found;
}

void LoginThrottle::count(Failures& failures, std::int64_t when) const {
  if (failures.count == 0 || is_over(failures)) {
    failures.since = when;
    failures.count = 0;
  }
  failures.last = std::max(failures.last, when);
  if (failures.count < UINT32_MAX) ++failures.count;
}

bool LoginThrottle::failed(const IpAddress& client, const std::string& login, std::int64_t when) {
  when = possible(when);
  auto network = client.client_block();
  count(addresses_.touch(network), when);
  if (login.empty() || login.size() > login_bytes_max) return false;
  Failures& pair = pairs_.touch({network, login});
  count(pair, when);
  bool is_first_over = pair.count == settings_.per_pair_max.value();
  if (settings_.per_pair_max.is_none() || !is_first_over) return false;
  // The block lasts for a whole window.
  pair.since = when;
  return !is_exempt(client);
}

void LoginThrottle::succeeded(const IpAddress& client, const std::string& login,
                              std::int64_t when) {
  Pair pair(client.client_block(), login);
  pairs_.erase(pair);
  if (settings_.known_lifetime.count() == 0 || login.size() > login_bytes_max) return;
  auto& last = known_.touch(pair);
  last = std::max(last, possible(when));
}

bool LoginThrottle::is_exempt(const IpAddress& client) const {
  return settings_.exempt.contains(client);
}

bool LoginThrottle::is_blocked(const IpAddress& client, const std::string& login) const {
  return !is_exempt(client) && !settings_.per_pair_max.has_room_beside(failures(client, login));
}

bool LoginThrottle::is_known(const IpAddress& client, const std::string& login) const {
  const auto* last = known_.find({client.client_block(), login});
  return last != nullptr && now() - *last < Microseconds(settings_.known_lifetime).count();
}

bool LoginThrottle::is_news(const IpAddress& client, const std::string& login) const {
  if (current(client, login) != nullptr) return true;
  if (settings_.known_lifetime.count() == 0) return false;
  const auto* last = known_.find({client.client_block(), login});
  return !is_known(client, login) || now() - *last >= Microseconds(news_interval).count();
}

bool LoginThrottle::is_slowed(const IpAddress& client) const {
  return !is_exempt(client) && !settings_.per_address_max.has_room_beside(failures(client));
}

std::uint32_t LoginThrottle::failures(const IpAddress& client) const {
  const Failures* found = current(client);
  return found == nullptr ? 0 : found->count;
}

std::uint32_t LoginThrottle::failures(const IpAddress& client, const std::string& login) const {
  const Failures* found = current(client, login);
  return found == nullptr ? 0 : found->count;
}

Duration LoginThrottle::doubled(Duration first, Duration longest, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times && first.count() > 0 && first < longest; ++i) first *= 2;
  return std::min(first, longest);
}

Duration LoginThrottle::answer_delay(Duration first, Duration longest, const IpAddress& client,
                                     const std::string& login) const {
  if (is_exempt(client)) return std::min(first, longest);
  if (is_slowed(client)) return first.count() == 0 ? first : longest;
  return doubled(first, longest, failures(client, login));
}

std::int64_t LoginThrottle::next_check(Duration first, Duration longest,
                                       const IpAddress& client) const {
  if (!is_slowed(client)) return 0;
  const Failures* found = current(client);
  auto pause = doubled(first, longest, found->count / settings_.per_address_max.value() - 1);
  return found->last + Microseconds(pause).count();
}

std::vector<ThrottleEntry> LoginThrottle::entries() const {
  std::vector<ThrottleEntry> all;
  auto add = [&](ThrottleEntry::Kind kind, const IpAddress& client, const std::string& login,
                 const Failures& failures) {
    ThrottleEntry entry;
    entry.kind = kind;
    entry.client = client;
    entry.login = login;
    entry.since = failures.since;
    entry.last = failures.last;
    entry.count = failures.count;
    all.push_back(std::move(entry));
  };
  addresses_.each([&](const IpAddress& client, const Failures& failures) {
    if (!is_over(failures)) add(ThrottleEntry::Kind::Address, client, "", failures);
  });
  pairs_.each([&](const Pair& pair, const Failures& failures) {
    if (!is_over(failures)) add(ThrottleEntry::Kind::Pair, pair.first, pair.second, failures);
  });
  known_.each([&](const Pair& pair, std::int64_t last) {
    if (!is_known(pair.first, pair.second)) return;
    add(ThrottleEntry::Kind::Known, pair.first, pair.second, Failures{last, last, 0});
  });
  return all;
}

void LoginThrottle::merge(Failures& failures, const ThrottleEntry& entry) const {
  if (failures.count >= entry.count && !is_over(failures)) return;
  failures.since = possible(entry.since);
  failures.last = possible(entry.last);
  failures.count = entry.count;
}

void LoginThrottle::merge(const ThrottleEntry& entry) {
  auto network = entry.client.client_block();
  bool is_login_missing = entry.login.empty() || entry.login.size() > login_bytes_max;
  if (entry.kind == ThrottleEntry::Kind::Address) {
    merge(addresses_.touch(network), entry);
  } else if (is_login_missing) {
    return;
  } else if (entry.kind == ThrottleEntry::Kind::Pair) {
    merge(pairs_.touch({network, entry.login}), entry);
  } else if (settings_.known_lifetime.count() > 0) {
    auto& last = known_.touch({network, entry.login});
    last = std::max(last, possible(entry.since));
  }
}

std::size_t LoginThrottle::lift(std::string_view what) {
  std::optional<IpAddress> network;
  if (auto address = IpAddress::parse(what)) network = address->client_block();
  std::string login = folded_address(what);
  auto is_meant = [&](const Pair& pair) {
    if (what.empty() || pair.first == network || pair.second == login) return true;
    return login.find('@') == login.npos && pair.second.starts_with(login + "@");
  };
  std::vector<Pair> pairs;
  pairs_.each([&](const Pair& pair, const Failures&) {
    if (is_meant(pair)) pairs.push_back(pair);
  });
  std::vector<IpAddress> addresses;
  addresses_.each([&](const IpAddress& client, const Failures&) {
    if (what.empty() || client == network) addresses.push_back(client);
  });
  for (const auto& pair : pairs) pairs_.erase(pair);
  for (const auto& client : addresses) addresses_.erase(client);
  return pairs.size() + addresses.size();
}

}  // namespace pennypost
