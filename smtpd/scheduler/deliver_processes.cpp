#include "smtpd/scheduler/deliver_processes.h"

#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {
namespace {

constexpr int tries_max = 5;
constexpr Duration first_pause{20};

}  // namespace

Task<Result<std::string>> DeliverProcesses::kind_for(const RecipientGroup& group) {
  NeedDeliver request;
  const auto& account = group.route.account;
  if (group.route.transport == Transport::Program) request.transport = group.route.name;
  request.account = account.name.empty() ? group.run_as : account.name;
  request.is_system = account.name.empty() ? !group.run_as.empty() : account.is_system;
  // All own (virtual) users share one process.
  bool is_own = !request.is_system && !request.account.empty();
  std::string key = is_own ? "own" : "system:" + request.account;
  if (!request.transport.empty()) key = "transport:" + request.transport;
  Duration pause = first_pause;
  for (int tries = 0;; ++tries) {
    auto known = kinds_.find(key);
    bool is_running = known != kinds_.end() && peers_.port(known->second).has_peer();
    // If there is still no link, the caller's own request fails and reports it.
    if (is_running || (known != kinds_.end() && tries == tries_max)) {
      co_return known->second;
    }
    if (tries > 0) {
      // The process has ended or is about to, and the master may learn of it later than we do.
      co_await loop_.sleep(pause);
      pause *= 2;
    }
    auto call = peers_.port("master").call(request);
    CO_TRY(auto where, co_await std::move(call));
    kinds_[key] = where.kind;
  }
}

}  // namespace pennypost::smtp
