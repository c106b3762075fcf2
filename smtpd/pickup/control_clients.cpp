#include "smtpd/pickup/control_clients.h"

#include <unistd.h>

namespace pennypost::smtp {

bool ControlClients::is_owner(uid_t uid) { return uid == 0 || uid == ::geteuid(); }

std::optional<ControlClients::Place> ControlClients::try_take(uid_t uid, std::size_t per_user_max) {
  std::size_t& total = total_of(uid);
  if (total >= control_connections_max) return std::nullopt;
  User& user = users_.try_emplace(uid, loop_).first->second;
  // A user's first connection is within any limit, so no entry is left without one.
  if (!is_owner(uid) && user.connections >= per_user_max) return std::nullopt;
  ++user.connections;
  ++total;
  return Place(*this, uid);
}

void ControlClients::leave(uid_t uid) {
  --total_of(uid);
  auto found = users_.find(uid);
  if (--found->second.connections == 0) users_.erase(found);
}

}  // namespace pennypost::smtp
