#include "smtpd/policy/client_counts.h"

namespace pennypost::smtp {

CountClient::Counts ClientCounts::note(const CountClient& event, Seconds unit) {
  auto [entry, is_new] = clients_.try_emplace(event.address);
  Client& client = entry->second;
  if (is_new) {
    client.position = by_age_.insert(by_age_.end(), event.address);
  } else {
    by_age_.splice(by_age_.end(), by_age_, client.position);
  }
  Rate& rate = client.rates.at(static_cast<std::size_t>(event.event));
  auto now = clock_.now_seconds();
  if (rate.count == 0 || now - rate.since >= unit.count()) {
    rate.since = now;
    rate.count = 0;
  }
  CountClient::Counts counts;
  counts.in_unit = ++rate.count;
  while (clients_.size() > client_addresses_max) forget_oldest();
  return counts;
}

void ClientCounts::forget_oldest() {
  clients_.erase(by_age_.front());
  by_age_.pop_front();
}

}  // namespace pennypost::smtp
