#include "store/login/auth_exchanges.h"

namespace pennypost::store {

void AuthExchanges::keep(Key key, Exchange exchange, SteadyTime now) {
  take(key);
  Entry& entry = open_[key];
  entry.exchange = std::move(exchange);
  entry.since = now;
  entry.position = by_age_.insert(by_age_.end(), key);
}

std::optional<AuthExchanges::Exchange> AuthExchanges::take(Key key) {
  auto found = open_.find(key);
  if (found == open_.end()) return {};
  std::optional<Exchange> exchange(std::move(found->second.exchange));
  by_age_.erase(found->second.position);
  open_.erase(found);
  return exchange;
}

void AuthExchanges::forget_all_of(ProcessNumber process) {
  auto next = open_.lower_bound({process, 0});
  while (next != open_.end() && next->first.first == process) {
    auto key = next->first;
    ++next;
    take(key);
  }
}

void AuthExchanges::forget_old(SteadyTime oldest) {
  while (!by_age_.empty() && open_.at(by_age_.front()).since < oldest) {
    auto key = by_age_.front();
    take(key);
  }
}

}  // namespace pennypost::store
