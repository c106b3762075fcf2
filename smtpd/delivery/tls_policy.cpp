#include "smtpd/delivery/tls_policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::array<std::pair<std::string_view, TlsLevel>, 8> levels{{
    {"none", TlsLevel::None},
    {"may", TlsLevel::May},
    {"encrypt", TlsLevel::Encrypt},
    {"fingerprint", TlsLevel::Fingerprint},
    {"dane", TlsLevel::Dane},
    {"dane-only", TlsLevel::DaneOnly},
    {"verify", TlsLevel::Verify},
    {"secure", TlsLevel::Secure},
}};

Error wrong(std::string_view part, std::string_view remedy) {
  return Error::temporary(
      "4.7.5", "smtp_tls_policy_maps: \"" + printable(part, 100) + "\": " + std::string(remedy));
}

Result<TlsLevel> level_of(std::string_view text) {
  for (const auto& [name, level] : levels) {
    if (name == text) return level;
  }
  return Error::temporary("4.7.5", "\"" + printable(text, 40) +
                                       "\" is no TLS level; use none, may, encrypt, fingerprint, "
                                       "dane, dane-only, verify or secure");
}

bool has_names(TlsLevel level) { return level == TlsLevel::Verify || level == TlsLevel::Secure; }

std::vector<std::string> matches_of(TlsLevel level, const Settings& settings) {
  if (level == TlsLevel::Verify) return settings.smtp_tls_verify_cert_match;
  if (level == TlsLevel::Secure) return settings.smtp_tls_secure_cert_match;
  if (level == TlsLevel::Fingerprint) return settings.smtp_tls_fingerprint_cert_match;
  return {};
}

Result<void> add_matches(TlsPolicy& policy, std::string_view part, std::string_view value) {
  bool is_fingerprint = policy.level == TlsLevel::Fingerprint;
  if (!is_fingerprint && !has_names(policy.level)) {
    return wrong(part, "match is for the levels fingerprint, verify and secure");
  }
  if (!std::exchange(policy.has_own_matches, true)) policy.matches.clear();
  for (auto name : words(value, is_fingerprint ? "|" : ":")) policy.matches.emplace_back(name);
  if (policy.matches.empty()) return wrong(part, "write at least one name");
  return {};
}

Result<void> set_ciphers(TlsPolicy& policy, std::string_view part, std::string_view grade) {
  bool is_low = grade == "low" || grade == "export";
  if (!is_low && grade != "medium" && grade != "high") return wrong(part, "write high or medium");
  policy.cipher_grade = is_low ? "medium" : std::string(grade);
  return {};
}

Result<void> set_attribute(TlsPolicy& policy, std::string_view part) {
  auto equals = part.find('=');
  auto name = part.substr(0, equals);
  auto value = equals == part.npos ? std::string_view() : part.substr(equals + 1);
  if (value.empty()) return wrong(part, "write ATTRIBUTE=VALUE");
  if (policy.level == TlsLevel::None) return wrong(part, "the level none takes no attributes");
  if (name == "match") return add_matches(policy, part, value);
  if (name == "ciphers") return set_ciphers(policy, part, value);
  if (name == "protocols") {
    auto versions = TlsVersions::parse(value);
    if (!versions) return wrong(part, versions.error().text());
    policy.versions = *versions;
  } else if (name == "exclude") {
    policy.excluded.emplace();
    for (auto cipher : words(value, ":")) policy.excluded->emplace_back(cipher);
  } else if (name == "servername") {
    policy.server_name = value;
  } else if (name == "tafile") {
    if (!has_names(policy.level)) return wrong(part, "tafile is for the levels verify and secure");
  } else if (name == "connection_reuse") {
    if (value != "yes" && value != "no") return wrong(part, "write yes or no");
  } else {
    return wrong(part,
                 "use match, protocols, ciphers, exclude, servername, tafile or connection_reuse");
  }
  return {};
}

}  // namespace

std::vector<std::string> TlsPolicy::names(const std::string& host,
                                          const std::string& next_hop) const {
  const std::string& hop = next_hop.empty() ? host : next_hop;
  std::vector<std::string> names;
  for (const auto& match : matches) {
    names.push_back(match == "nexthop"       ? hop
                    : match == "dot-nexthop" ? "." + hop
                    : match == "hostname"    ? host
                                             : match);
  }
  return names;
}

Result<TlsPolicy> parse_tls_policy(std::string_view text, const Settings& settings) {
  TlsPolicy policy;
  auto parts = words(text);
  std::string level = parts.empty() ? settings.smtp_tls_security_level : lower(parts[0]);
  if (!level.empty()) {
    TRY(policy.level, level_of(level));
  }
  bool is_dane = policy.level == TlsLevel::Dane || policy.level == TlsLevel::DaneOnly;
  if (is_dane && settings.smtp_dns_support_level != "dnssec") {
    return Error::temporary(
        "4.7.5", "the TLS level " + level + " needs smtp_dns_support_level = \"dnssec\"");
  }
  policy.matches = matches_of(policy.level, settings);
  policy.server_name = settings.smtp_tls_servername;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    TRY_DO(set_attribute(policy, parts[i]));
  }
  bool lacks_matches =
      policy.matches.empty() && (has_names(policy.level) || policy.level == TlsLevel::Fingerprint);
  if (lacks_matches) {
    return Error::temporary("4.7.5", "the TLS level " + level +
                                         " needs something to compare a certificate with; write "
                                         "match= or set smtp_tls_" +
                                         level + "_cert_match");
  }
  return policy;
}

}  // namespace pennypost::smtp
