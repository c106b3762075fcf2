#include "store/accounts/penalty.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr std::size_t login_bytes_max = 320;

std::string key_of(const IpAddress& address) {
  auto bytes = address.bytes();
  return std::string(address.is_v6() ? bytes.substr(0, 8) : bytes);
}

std::string key_of(const IpAddress& address, std::string_view login) {
  return key_of(address) + " " + lower(login.substr(0, login_bytes_max));
}

}  // namespace

Microseconds LoginPenalty::failed(const IpAddress& address, std::string_view login) {
  auto at_address = note(key_of(address));
  auto at_name = note(key_of(address, login));
  return delay_of(std::max(at_address, at_name));
}

void LoginPenalty::succeeded(const IpAddress& address, std::string_view login) {
  auto found = entries_.find(key_of(address, login));
  if (found == entries_.end()) return;
  by_use_.erase(found->second.position);
  entries_.erase(found);
}

Microseconds LoginPenalty::delay(const IpAddress& address, std::string_view login) const {
  return delay_of(1 + std::max(failures_of(key_of(address)), failures_of(key_of(address, login))));
}

std::uint32_t LoginPenalty::failures_of(const std::string& key) const {
  auto found = entries_.find(key);
  if (found == entries_.end()) return 0;
  auto forgiven = std::max<std::int64_t>(0, (clock_.now() - found->second.last) / forget_after_);
  return found->second.failures -
         static_cast<std::uint32_t>(std::min<std::int64_t>(forgiven, found->second.failures));
}

std::uint32_t LoginPenalty::note(const std::string& key) {
  constexpr std::uint32_t failures_max = 1000;  // beyond any delay's doubling
  std::uint32_t failures = std::min(failures_of(key) + 1, failures_max);
  auto [place, is_new] = entries_.try_emplace(key);
  if (is_new) {
    place->second.position = by_use_.insert(by_use_.end(), key);
  } else {
    by_use_.splice(by_use_.end(), by_use_, place->second.position);
  }
  place->second.failures = failures;
  place->second.last = clock_.now();
  if (entries_.size() > entries_max) {
    entries_.erase(by_use_.front());
    by_use_.pop_front();
  }
  return failures;
}

Microseconds LoginPenalty::delay_of(std::uint32_t failures) const {
  Microseconds delay = first_;
  for (std::uint32_t i = 1; i < failures && delay < longest_ && delay > Microseconds{0}; ++i) {
    delay *= 2;
  }
  return std::min(delay, std::max(first_, longest_));
}

}  // namespace pennypost::store
