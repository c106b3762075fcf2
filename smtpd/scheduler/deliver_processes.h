// Finds the process that delivers for an account; asks the master to start one if none runs.
#pragma once

#include <map>
#include <string>

#include "common/async/loop.h"
#include "smtpd/scheduler/peers.h"
#include "smtpd/scheduler/recipient_group.h"

namespace pennypost::smtp {

class DeliverProcesses {
 public:
  /// `peers` must outlive it.
  DeliverProcesses(Loop& loop, const QueuePeers& peers) : loop_(loop), peers_(peers) {}

  /// The kind of the process for this group's account, as QueuePeers::port takes it. Error: the
  /// master can't start one. `group` must outlive the task.
  Task<Result<std::string>> kind_for(const RecipientGroup& group);

 private:
  Loop& loop_;
  const QueuePeers& peers_;
  std::map<std::string, std::string, std::less<>> kinds_;  // account -> kind of process
};

}  // namespace pennypost::smtp
