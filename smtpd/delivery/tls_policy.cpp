#include "smtpd/delivery/tls_policy.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::array<std::string_view, 6> protocols{"SSLv2",   "SSLv3",   "TLSv1",
                                                    "TLSv1.1", "TLSv1.2", "TLSv1.3"};

/// The protocol's rank among the versions; -1: unknown.
int rank(std::string_view protocol) {
  auto found = std::ranges::find_if(
      protocols, [&](std::string_view known) { return equal_nocase(known, protocol); });
  return found == protocols.end() ? -1 : static_cast<int>(found - protocols.begin());
}

Error not_supported(std::string_view attribute, std::string_view remedy) {
  return Error::temporary("4.7.5", "smtp_tls_policy_maps: \"" + printable(attribute, 100) +
                                       "\" is not supported; " + std::string(remedy));
}

Result<void> set_level(TlsPolicy& policy, std::string_view level) {
  using Level = TlsDemand::Level;
  if (level == "secure" || level == "verify") {
    policy.level = Level::Verify;
    policy.is_secure = level == "secure";
  } else if (level == "encrypt") {
    policy.level = Level::Encrypt;
  } else if (level == "may") {
    policy.level = Level::May;
  } else if (level == "none" || level.empty()) {
    policy.level = Level::None;
  } else {
    return Error::temporary("4.7.5",
                            "the TLS level \"" + printable(level, 40) +
                                "\" is not supported; use none, may, encrypt, verify or secure");
  }
  return {};
}

/// Whether `protocol_min` is at least as strict as `wanted`: `>=TLSv1.2`, or Postfix's older
/// `!SSLv2:!SSLv3`.
bool is_met(std::string_view wanted, std::string_view protocol_min) {
  int least = rank(protocol_min);
  if (wanted.starts_with(">=")) {
    int asked = rank(wanted.substr(2));
    return asked >= 0 && asked <= least;
  }
  auto excluded = words(wanted, ":");
  return !excluded.empty() && std::ranges::all_of(excluded, [&](std::string_view one) {
    if (!one.starts_with('!')) return false;
    int asked = rank(one.substr(1));
    return asked >= 0 && asked < least;
  });
}

/// The name for `nexthop`, `hostname` or a single name. Of the lists only `nexthop:dot-nexthop` is
/// supported, as its stricter part.
Result<std::string> name_to_match(std::string_view value, std::string_view attribute,
                                  std::string_view host, std::string_view next_hop) {
  if (value == "nexthop" || value == "nexthop:dot-nexthop") return std::string(next_hop);
  if (value == "hostname") return std::string(host);
  bool is_name = !value.empty() && value.front() != '.' && value.find(':') == value.npos &&
                 value != "dot-nexthop";
  if (!is_name) return not_supported(attribute, "use nexthop, hostname or one name");
  return std::string(value);
}

}  // namespace

Result<TlsPolicy> parse_tls_policy(std::string_view text, std::string_view default_level,
                                   std::string_view host, std::string_view next_hop,
                                   std::string_view protocol_min) {
  TlsPolicy policy;
  auto parts = words(text);
  TRY_DO(set_level(policy, parts.empty() ? default_level : lower(parts[0])));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    auto equals = std::min(parts[i].find('='), parts[i].size());
    auto name = parts[i].substr(0, equals);
    auto value = parts[i].substr(std::min(equals + 1, parts[i].size()));
    if (name == "match") {
      TRY(policy.match, name_to_match(value, parts[i], host, next_hop));
    } else if (name == "protocols") {
      if (!is_met(value, protocol_min)) {
        return not_supported(parts[i], "set smtp_tls_mandatory_protocols for all next hops");
      }
    } else if (name != "ciphers") {  // OpenSSL's defaults are what Postfix calls high
      return not_supported(parts[i], "use match, protocols or ciphers");
    }
  }
  return policy;
}

}  // namespace pennypost::smtp
