// The settings of one policy server, as check_policy_service names it.
//
// STANDARDS  Postfix's SMTPD_POLICY_README
// SEE ALSO   ../../smtpd/policy/policy_client.h (who asks it)
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/base/limit.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/server_ref.h"

namespace pennypost {

/// Each value is the one in braces, or else that of the setting smtpd_policy_service_NAME.
struct PolicyService {
  ServerRef at;
  std::string default_action;
  std::chrono::seconds max_idle{0};
  std::chrono::seconds max_ttl{0};
  std::string policy_context;
  Limit request_limit;
  std::chrono::seconds retry_delay{0};
  std::chrono::seconds timeout{0};
  std::uint64_t try_limit = 1;

  /// Error: what is wrong, and what would be right.
  static Result<PolicyService> parse(std::string_view text, const Settings& settings);
};

}  // namespace pennypost
