#include "smtpd/routing/sts_question.h"

#include "common/base/text.h"
#include "common/dns/message.h"
#include "smtpd/routing/next_hop.h"

namespace pennypost::smtp {

std::optional<std::string> sts_domain(const Route& route, const Config& config) {
  if (route.transport != Transport::Smtp || !route.tls_policy.empty()) return std::nullopt;
  const Settings& settings = config.of_transport(route.name);
  if (!settings.smtp_tls_mta_sts || settings.smtp_tls_security_level == "none") return std::nullopt;
  auto hop = NextHop::parse(route.next_hop);
  if (!hop || !hop->looks_up_mx || !is_host_name(hop->host)) return std::nullopt;
  return lower(hop->host);
}

}  // namespace pennypost::smtp
