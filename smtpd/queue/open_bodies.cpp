#include "smtpd/queue/open_bodies.h"

namespace pennypost::smtp {

Result<void> OpenBodies::open(const QueueId& id, ProcessNumber process) {
  if (is_open(id)) return Error(501, "5.5.4", "the queue id is in use");
  std::size_t& count = counts_[process];
  if (count >= open_bodies_max) return Error(452, "4.3.1", "too many messages are being received");
  ++count;
  owners_.emplace(id.value(), process);
  return {};
}

bool OpenBodies::is_of(const QueueId& id, ProcessNumber process) const {
  auto found = owners_.find(id.value());
  return found != owners_.end() && found->second == process;
}

bool OpenBodies::close(const QueueId& id, ProcessNumber process) {
  if (!is_of(id, process)) return false;
  owners_.erase(id.value());
  auto count = counts_.find(process);
  if (--count->second == 0) counts_.erase(count);
  return true;
}

std::vector<QueueId> OpenBodies::close_all_of(ProcessNumber process) {
  std::vector<QueueId> closed;
  if (counts_.erase(process) == 0) return closed;
  for (const auto& [id, owner] : owners_) {
    if (owner == process) closed.emplace_back(id);
  }
  for (const auto& id : closed) owners_.erase(id.value());
  return closed;
}

}  // namespace pennypost::smtp
