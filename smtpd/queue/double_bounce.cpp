#include "smtpd/queue/double_bounce.h"

#include "common/base/text.h"

namespace pennypost::smtp {

std::string double_bounce_address(const Config& config) {
  return config.double_bounce_sender + "@" + config.myhostname;
}

bool is_double_bounce(const MailAddress& address, const Config& config) {
  if (!equal_nocase(address.local(), config.double_bounce_sender) || !address.domain())
    return false;
  std::string domain = address.domain()->key();
  return equal_nocase(domain, config.myorigin) || equal_nocase(domain, config.myhostname);
}

bool is_double_bounce(const std::string& address, const Config& config) {
  auto parsed = MailAddress::parse(address, Utf8::Allowed);
  return parsed && is_double_bounce(*parsed, config);
}

}  // namespace pennypost::smtp
