// The request of `queue` to `lookup` about the MTA-STS policy of a next hop, before mail goes
// there.
//
// It is asked for each attempt by itself, so that a domain whose web server is slow keeps nobody's
// mail but its own waiting.
//
// SEE ALSO   sts_policies.h (who answers)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/mailauth/mta_sts.h"
#include "smtpd/routing/route.h"

namespace pennypost::smtp {

/// The answer's mode is none if the domain has no policy. Errors are temporary.
struct FindStsPolicy {
  static constexpr std::uint16_t type = 176;
  using Reply = StsPolicy;
  std::string domain;  // an A-label name in lower case
  template <class Archive>
  void fields(Archive& archive) {
    archive(domain);
  }
};

/// The domain whose policy counts for a route; nothing if none does: MX records are not looked up,
/// the admin has said in smtp_tls_policy_maps what TLS there is, or wants none.
std::optional<std::string> sts_domain(const Route& route, const Config& config);

}  // namespace pennypost::smtp
