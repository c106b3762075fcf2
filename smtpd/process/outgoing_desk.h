// Counts what users send, for the `queue` process: refuses what is too much, warns postmaster
// before that, and remembers both over a restart.
//
// SEE ALSO   ../policy/outgoing_limits.h (the counts), ../queue/fact_store.h (where they are kept)
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "smtpd/policy/outgoing_limits.h"
#include "smtpd/queue/envelope.h"
#include "smtpd/queue/fact_store.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

class OutgoingDesk {
 public:
  using GetConfig = std::function<std::shared_ptr<const Config>()>;
  OutgoingDesk(Loop& loop, Scheduler& scheduler, FactStore& facts, GetConfig config);

  /// Counts a message of a user to these recipients. Error 450 4.7.1: it is too much.
  Task<Result<void>> count(std::string user, std::vector<Recipient> recipients);
  AskAllowance::Allowance allowance(const std::string& user) {
    return limits_.allowance(user, *config_());
  }
  /// Cancels all work; for the end of the process.
  void end() { tasks_.cancel(); }

 private:
  Task<> restore();
  Task<> warn(OutgoingWarning warning);

  Scheduler& scheduler_;
  FactStore& facts_;
  GetConfig config_;
  OutgoingLimits limits_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
