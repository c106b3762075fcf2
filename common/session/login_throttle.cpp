#include "common/session/login_throttle.h"

#include <algorithm>

namespace pennypost {

Duration LoginThrottle::failed() {
  Duration delay = first_;
  for (std::int64_t i = 0; i < failures_ && delay < longest_; ++i) delay *= 2;
  ++failures_;
  return std::min(delay, longest_);
}

bool AddressThrottle::is_over(const Failures& failures) const {
  return clock_.now_seconds() - failures.since >= window_.count();
}

void AddressThrottle::failed(const IpAddress& client) {
  auto address = client.client_block();
  auto [entry, is_new] = failures_.try_emplace(address);
  Failures& failures = entry->second;
  if (is_new) {
    failures.position = by_age_.insert(by_age_.end(), address);
  } else if (is_over(failures)) {
    failures.count = 0;
    by_age_.splice(by_age_.end(), by_age_, failures.position);
  }
  if (failures.count == 0) failures.since = clock_.now_seconds();
  ++failures.count;
  if (failures_.size() > addresses_max) {
    failures_.erase(by_age_.front());
    by_age_.pop_front();
  }
}

void AddressThrottle::succeeded(const IpAddress& address) {
  auto entry = failures_.find(address.client_block());
  if (entry == failures_.end()) return;
  by_age_.erase(entry->second.position);
  failures_.erase(entry);
}

bool AddressThrottle::is_blocked(const IpAddress& address) {
  auto entry = failures_.find(address.client_block());
  if (failures_max_ == 0 || entry == failures_.end()) return false;
  if (is_over(entry->second)) {
    succeeded(address);
    return false;
  }
  return entry->second.count >= failures_max_;
}

}  // namespace pennypost
