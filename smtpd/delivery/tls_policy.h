// Parses the TLS policy of a next hop from smtp_tls_policy_maps and the smtp_tls_ settings.
//
//   value = LEVEL [ATTRIBUTE=VALUE]...      as in Postfix
//
//   LEVEL       none, may, encrypt, fingerprint, dane, dane-only, verify, secure
//   match       names for verify and secure, separated by `:`, fingerprints by `|`; again: more
//   protocols   as in smtp_tls_mandatory_protocols
//   ciphers     the grade: high or medium (low and export are taken for medium)
//   exclude     ciphers, separated by `:`, in place of smtp_tls_mandatory_exclude_ciphers
//   servername  the name for SNI: hostname, nexthop or a name
//   tafile      a file of trust anchors; again: more (read by ../routing/trust_anchor_files.h)
//   connection_reuse   yes or no; it changes nothing
//
// An attribute that can't be obeyed is an Error, and the mail waits: no demand is silently ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/tls_versions.h"

namespace pennypost::smtp {

/// From the least to the most demanding, in Postfix's order.
enum class TlsLevel : std::uint8_t {
  None,
  May,
  Encrypt,
  Fingerprint,
  Dane,
  DaneOnly,
  Verify,
  Secure
};

struct TlsPolicy {
  TlsLevel level = TlsLevel::None;
  // Verify, Secure: nexthop, dot-nexthop, hostname and names; Fingerprint: fingerprints.
  std::vector<std::string> matches;
  bool has_own_matches = false;  // they are the table's, not a setting's
  std::optional<TlsVersions> versions;
  std::string cipher_grade;  // empty: the setting's
  std::optional<std::vector<std::string>> excluded;
  std::string server_name;  // as in smtp_tls_servername

  /// The names of which a certificate must have one. `next_hop`: its host; may be empty.
  std::vector<std::string> names(const std::string& host, const std::string& next_hop) const;
};

/// `text`: the table's value; if it is empty, the settings alone count. `settings`: for LMTP with
/// the client's settings for that. Error 4.7.5 says what is wrong and what would be right.
Result<TlsPolicy> parse_tls_policy(std::string_view text, const Settings& settings);

}  // namespace pennypost::smtp
