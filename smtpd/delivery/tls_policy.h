// Parses the TLS policy of a next hop from smtp_tls_policy_maps and smtp_tls_security_level.
//
//   value = LEVEL [ATTRIBUTE=VALUE]...      none, may, encrypt, verify, secure; as in Postfix
//
// An attribute that demands something unsupported is an Error, and the mail waits: no demand is
// silently ignored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/delivery/smtp_client.h"

namespace pennypost::smtp {

struct TlsPolicy {
  TlsDemand::Level level = TlsDemand::Level::None;
  bool is_secure = false;            // level secure: the certificate must match the next hop's name
  std::optional<std::string> match;  // the name that it must match instead
};

/// `text`: the table's value; if it is empty, `default_level` applies. `host`, `next_hop`: the
/// values of match=hostname and match=nexthop. `protocol_min`: the oldest version used if TLS is
/// required, such as `TLSv1.2`. Error 4.7.5 says what is supported.
Result<TlsPolicy> parse_tls_policy(std::string_view text, std::string_view default_level,
                                   std::string_view host, std::string_view next_hop,
                                   std::string_view protocol_min);

}  // namespace pennypost::smtp
