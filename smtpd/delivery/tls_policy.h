// Reads what smtp_tls_policy_maps and smtp_tls_security_level ask of a session with a next hop.
//
//   value = LEVEL [ATTRIBUTE=VALUE]...      none, may, encrypt, verify, secure; as in Postfix
//
// An attribute that asks for more than we can do is an Error, and the mail waits: what is asked of
// a session is never silently left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/delivery/smtp_client.h"

namespace pennypost::smtp {

struct TlsPolicy {
  TlsDemand::Level level = TlsDemand::Level::None;
  bool is_secure = false;            // secure: the certificate must bear the next hop's own name
  std::optional<std::string> match;  // the name that it must bear instead
};

/// `text`: the table's value, or empty: then `default_level` holds. `host`, `next_hop`: what match=
/// hostname and match=nexthop stand for. `protocol_min`: the oldest version that we would use where
/// TLS is required, `TLSv1.2`. Error 4.7.5 with the remedy.
Result<TlsPolicy> parse_tls_policy(std::string_view text, std::string_view default_level,
                                   std::string_view host, std::string_view next_hop,
                                   std::string_view protocol_min);

}  // namespace pennypost::smtp
