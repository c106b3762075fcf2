#include "smtpd/scheduler/destinations.h"

#include <algorithm>

#include "common/base/text.h"

namespace pennypost::smtp {

namespace {

/// The limits of one next hop or mailbox.
Destination::Limits limits_of_one(const TransportLimits& of) {
  Destination::Limits limits;
  limits.most = of.concurrency.is_none() ? Destination::no_limit : of.concurrency.value();
  limits.initial = of.initial_concurrency;
  limits.failed_cohorts = static_cast<double>(of.failed_cohorts);
  if (of.destination_rate_delay.count() > 0) {
    limits.initial = limits.most = 1;
    limits.spacing = Destination::Spacing::EndToStart;
    limits.pause = of.destination_rate_delay;
  }
  return limits;
}

/// Whose mailbox, command or file it is.
std::string mailbox_of(const RecipientGroup& group) {
  const Route& route = group.route;
  std::string mailbox = route.account.name + '\n' + group.run_as;
  return route.transport == Transport::Local ? mailbox : mailbox + '\n' + route.next_hop;
}

}  // namespace

Gates Destinations::of(const RecipientGroup& group, const Config& config) {
  const Route& route = group.route;
  const std::string name = settings_name(route);
  auto limits = transport_limits(config, name);
  auto waiting_max = std::max<std::size_t>(100, config.qmgr_message_active_limit / 4);
  auto one = limits_of_one(limits);
  one.waiting_max = waiting_max;
  Gates gates;
  if (is_sent(route.transport) || route.transport == Transport::Program) {
    auto hop = comparable_next_hop(route);
    gates.add(gate(name + ':' + hop + '\n' + lower(group.sole_address), one));
  } else {
    if (one.most < config.delivery_threads) {
      one.failed_cohorts = 0;
      gates.add(gate(name + ":mailbox:" + mailbox_of(group), one));
    }
    // Local delivery is limited for each deliver process as well.
    Destination::Limits process;
    process.initial = process.most = config.delivery_threads;
    process.has_feedback = false;
    process.waiting_max = waiting_max;
    bool is_own = route.transport == Transport::Local && !route.account.is_system;
    auto whose = is_own ? "own" : route.account.name + '\n' + group.run_as;
    gates.add(gate("process:" + whose, process));
  }
  if (limits.transport_rate_delay.count() > 0) {
    Destination::Limits all;
    all.initial = all.most = Destination::no_limit;
    all.has_feedback = false;
    all.waiting_max = waiting_max;
    all.spacing = Destination::Spacing::StartToStart;
    all.pause = limits.transport_rate_delay;
    gates.add(gate(name, all));
  }
  return gates;
}

std::shared_ptr<Destination> Destinations::gate(std::string key,
                                                const Destination::Limits& limits) {
  auto& slot = destinations_[std::move(key)];
  if (!slot) slot = std::make_shared<Destination>(loop_, limits);
  slot->set_limits(limits);
  if (is_closed_) slot->close();
  return slot;
}

void Destinations::forget_idle(std::int64_t now) {
  constexpr std::size_t kept = 1000;
  if (destinations_.size() <= kept) return;
  std::erase_if(destinations_, [&](const auto& one) {
    return one.second.use_count() == 1 && one.second->is_idle(now);
  });
}

void Destinations::reopen() {
  for (auto& [name, one] : destinations_) one->reopen();
}

void Destinations::close() {
  is_closed_ = true;
  for (auto& [name, one] : destinations_) one->close();
}

}  // namespace pennypost::smtp
