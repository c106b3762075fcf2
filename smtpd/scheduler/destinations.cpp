#include "smtpd/scheduler/destinations.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {

Destination& Destinations::of(const RecipientGroup& group, const Config& config) {
  Destination::Limits limits;
  std::string key = transport_name(group.route.transport) + ':';
  limits.waiting_max = std::max<std::size_t>(100, config.qmgr_message_active_limit / 4);
  if (group.route.transport == Transport::Smtp) {
    key += lower(group.route.next_hop);
    limits.initial = config.initial_destination_concurrency;
    limits.most = config.default_destination_concurrency_limit;
    limits.failed_cohorts =
        static_cast<double>(config.default_destination_concurrency_failed_cohort_limit);
  } else {
    // Local delivery is limited for each deliver process, not for each mailbox.
    bool is_own = group.route.transport == Transport::Local && !group.route.account.is_system;
    key += is_own ? "own" : group.route.account.name + '\n' + group.run_as;
    limits.initial = limits.most = config.delivery_threads;
    limits.has_feedback = false;
  }
  auto& slot = destinations_[key];
  if (!slot) slot = std::make_unique<Destination>(loop_, limits);
  slot->set_limits(limits);
  if (is_closed_) slot->close();
  return *slot;
}

void Destinations::forget_idle(std::int64_t now) {
  constexpr std::size_t kept = 1000;
  if (destinations_.size() <= kept) return;
  std::erase_if(destinations_, [&](const auto& one) { return one.second->is_idle(now); });
}

void Destinations::reopen() {
  for (auto& [name, one] : destinations_) one->reopen();
}

void Destinations::close() {
  is_closed_ = true;
  for (auto& [name, one] : destinations_) one->close();
}

}  // namespace pennypost::smtp
