// Answers what the lookup process answers, in a command: where mail to an address goes, and what a
// client would be told. The same code decides, with the same tables; nothing is cached.
//
// SEE ALSO   ../process/lookup.h, ../../common/base/explanation.h (why)
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/dns/cares_resolver.h"
#include "common/net/address.h"
#include "smtpd/policy/messages.h"
#include "smtpd/policy/policy_tables.h"
#include "smtpd/routing/router.h"

namespace pennypost::smtp {

class OfflineLookup {
 public:
  /// Error: the configuration names an impossible table.
  static Result<std::unique_ptr<OfflineLookup>> open(std::shared_ptr<const Config> config);

  const Config& config() const { return *config_; }
  Loop& loop() { return loop_; }
  Resolver& resolver() { return resolver_; }
  /// One step, as Router::resolve().
  Result<Resolution> resolve(const Recipient& recipient, const std::string& sender);
  /// What RCPT answers to `ask`, with DNS asked as often as it takes.
  CheckRecipient::Verdict check(const CheckRecipient& ask);
  /// A request as receive makes it for a client: its names in DNS, whether it is in mynetworks.
  CheckRecipient request_of(const IpAddress& client, const std::string& service);

 private:
  explicit OfflineLookup(std::shared_ptr<const Config> config);
  Task<CheckRecipient::Verdict> evaluate(const CheckRecipient& ask);

  std::shared_ptr<const Config> config_;
  Loop loop_;
  CaresResolver resolver_;
  std::optional<Router> router_;
  AccessTables access_;
  FullMailboxes full_;
};

}  // namespace pennypost::smtp
