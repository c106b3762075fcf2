#include "smtpd/delivery/tls_choice.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/net/address.h"
#include "common/tls/cipher_list.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint16_t implicit_tls_port = 465;

DaneRules rules_of(const Settings& settings, TlsLevel level) {
  using InsecureMx = DaneRules::InsecureMx;
  DaneRules rules;
  rules.looks_at_insecure_hosts = settings.smtp_tls_force_insecure_host_tlsa_lookup;
  const std::string& insecure = settings.smtp_tls_dane_insecure_mx_policy;
  bool is_dane = insecure.empty() ? settings.smtp_tls_security_level == "dane" : insecure == "dane";
  rules.insecure_mx = is_dane                 ? InsecureMx::Dane
                      : insecure == "encrypt" ? InsecureMx::Encrypt
                                              : InsecureMx::May;
  // As in Postfix: dane-only asks for an MX record that nobody can have forged.
  if (level == TlsLevel::DaneOnly) rules.insecure_mx = InsecureMx::May;
  return rules;
}

/// The name for SNI. RFC 6066 section 3: an address is none.
std::string server_name(const TlsPolicy& policy, const Target& target, const std::string& next_hop,
                        const std::vector<std::string>& names) {
  std::string name = target.host;
  bool is_single = names.size() == 1 && !names.front().starts_with('.');
  if (policy.server_name == "nexthop") {
    name = next_hop;
  } else if (!policy.server_name.empty() && policy.server_name != "hostname") {
    name = policy.server_name;
  } else if (policy.server_name.empty() && is_single) {
    name = names.front();
  }
  return IpAddress::parse(name) ? "" : name;
}

/// What a report, if there is one, has to say of a policy.
void note(TlsResult& result, std::string type, std::string kind, std::string reason) {
  if (result.policy_type.empty()) return;
  result.policy_type = std::move(type);
  result.kind = std::move(kind);
  result.reason = std::move(reason);
}

/// A TLSA record as it stands in a zone: RFC 8460 section 4.4.
std::string text_of(const CertificateAssociation& record) {
  return std::to_string(record.usage) + " " + std::to_string(record.selector) + " " +
         std::to_string(record.matching) + " " + hex_encode(record.data);
}

}  // namespace

TlsChoice::TlsChoice(std::shared_ptr<const Config> config, Resolver& resolver,
                     ClientContexts contexts)
    : config_(std::move(config)), resolver_(resolver), contexts_(std::move(contexts)) {}

Task<Result<TlsDemand>> TlsChoice::choose(Target target, Hop hop, std::optional<Hop> destination,
                                          TlsResult& result) const {
  CO_TRY(auto policy, merged(hop, destination));
  TlsDemand demand;
  demand.server.depth_max = static_cast<int>(config_->smtp_tls_scert_verifydepth);
  TlsLevel level = policy.level;
  bool is_dane = level == TlsLevel::Dane || level == TlsLevel::DaneOnly;
  bool is_reported = !destination && hop.tls_policy.empty() && target.is_from_mx &&
                     (is_dane || level == TlsLevel::May || level == TlsLevel::Encrypt);
  if (is_reported) result.policy_type = "no-policy-found";
  // A Unix socket is private already, unless a certificate is asked for by its name.
  bool is_private = target.is_local() && (is_dane || level <= TlsLevel::Encrypt);
  if (is_private) level = TlsLevel::None;
  if (is_dane && !is_private) {
    auto finding = use_dane(target, policy, hop, demand, result);
    CO_TRY(level, co_await std::move(finding));
  }
  demand.is_implicit = !target.is_local() && (config_->smtp_tls_wrappermode ||
                                              target.endpoint.port() == implicit_tls_port);
  if (demand.is_implicit) level = std::max(level, TlsLevel::Encrypt);
  bool may_be_sts =
      hop.tls_policy.empty() && (level == TlsLevel::May || level == TlsLevel::Encrypt);
  bool is_mandatory = level > TlsLevel::May;
  demand.level = level == TlsLevel::None  ? TlsDemand::Level::None
                 : level == TlsLevel::May ? TlsDemand::Level::May
                                          : TlsDemand::Level::Encrypt;
  demand.context = is_mandatory ? contexts_.mandatory : contexts_.opportunistic;
  if (level > TlsLevel::Encrypt) demand.level = TlsDemand::Level::Verified;
  if (may_be_sts) {
    CO_TRY(bool is_enforced, use_sts(target, hop, demand, result));
    is_mandatory = is_mandatory || is_enforced;
  }
  if (level != TlsLevel::Dane) {
    CO_TRY_DO(use_names(target, policy, hop, demand));
  }
  CO_TRY_DO(use_requiretls(target, hop, level == TlsLevel::Dane, demand));
  use_ciphers(policy, is_mandatory || demand.level > TlsDemand::Level::May, demand);
  co_return std::move(demand);
}

/// A fallback relay has its own names, and the level of the two that demands more.
Result<TlsPolicy> TlsChoice::merged(const Hop& hop, const std::optional<Hop>& destination) const {
  TRY(auto policy, parse_tls_policy(hop.tls_policy, *config_));
  if (!destination) return policy;
  TRY(auto of_destination, parse_tls_policy(destination->tls_policy, *config_));
  if (of_destination.level <= policy.level) return policy;
  if (policy.has_own_matches) of_destination.matches = policy.matches;
  return of_destination;
}

/// The level that TLSA records lead to: Dane, or less where there are none that we can use.
Task<Result<TlsLevel>> TlsChoice::use_dane(Target target, TlsPolicy policy, Hop hop,
                                           TlsDemand& demand, TlsResult& result) const {
  using Kind = DaneRecords::Kind;
  auto rules = rules_of(*config_, policy.level);
  auto finding = find_dane_records(resolver_, target, rules);
  auto outcome = co_await std::move(finding);
  if (!outcome) {
    note(result, "tlsa", "dnssec-invalid", outcome.error().text());
    co_return outcome.error();
  }
  auto found = *std::move(outcome);
  if (found.kind == Kind::Unusable) note(result, "tlsa", "tlsa-invalid", found.why);
  if (found.kind != Kind::Usable) {
    if (policy.level == TlsLevel::DaneOnly) {
      note(result, "tlsa", "dane-required", found.why);
      co_return Error::temporary(
          "4.7.5", found.why + " for " + target.host + ", but " + "dane-only is required");
    }
    co_return found.kind == Kind::None ? TlsLevel::May : TlsLevel::Encrypt;
  }
  note(result, "tlsa", "", "");
  for (const auto& record : found.records) result.policy.push_back(text_of(record));
  demand.server.associations = std::move(found.records);
  demand.server.names = {found.base};
  // RFC 7672 section 3.2.2: a certificate for the mail domain is as good.
  if (!equal_nocase(hop.host, found.base)) demand.server.names.push_back(hop.host);
  demand.server.server_name = found.base;
  co_return TlsLevel::Dane;
}

/// The names, fingerprints or trust anchors of the levels that have them.
Result<void> TlsChoice::use_names(const Target& target, const TlsPolicy& policy, const Hop& hop,
                                  TlsDemand& demand) const {
  const std::string& next_hop = hop.host.empty() ? target.host : hop.host;
  if (policy.level == TlsLevel::Fingerprint) {
    demand.fingerprints = policy.matches;
    demand.digest = config_->smtp_tls_fingerprint_digest;
  } else if (policy.level == TlsLevel::Verify || policy.level == TlsLevel::Secure) {
    demand.server.names = policy.names(target.host, next_hop);
    demand.context = contexts_.verifying;
    if (!hop.trust_anchors.empty()) {
      auto anchors = pennypost::trust_anchors(hop.trust_anchors);
      if (!anchors) return Error::temporary("4.7.5", "tafile: " + anchors.error().text());
      demand.server.associations = *std::move(anchors);
      demand.context = contexts_.mandatory;
    }
  }
  demand.server.server_name = server_name(policy, target, next_hop, demand.server.names);
  return {};
}

/// RFC 8461 section 4.1: whether the host must prove that it is one of those that the policy names.
Result<bool> TlsChoice::use_sts(const Target& target, const Hop& hop, TlsDemand& demand,
                                TlsResult& result) const {
  if (!hop.sts.failure.empty()) note(result, "sts", hop.sts.failure, "");
  if (hop.sts.mode == StsMode::None) return false;
  bool is_named = hop.sts.allows(target.host);
  note(result, "sts", is_named ? "" : "validation-failure",
       is_named ? "" : "the policy does not name this host");
  result.policy = hop.sts.lines();
  result.mx_patterns = hop.sts.patterns;
  if (hop.sts.mode == StsMode::Testing) {
    bool is_judged = is_named && contexts_.verifying != nullptr;
    if (is_judged) demand.server.names = {target.host};
    if (is_judged) demand.context = contexts_.verifying;
    return false;
  }
  if (!is_named) {
    return Error::temporary("4.7.5", "the MTA-STS policy of " + printable(hop.host, 255) +
                                         " does not name the host " + printable(target.host, 255));
  }
  demand.level = TlsDemand::Level::Verified;
  demand.context = contexts_.verifying;
  demand.server.names = {target.host};
  return true;
}

/// What REQUIRETLS adds to the demand. Error 5.7.10: this host can't meet it.
Result<void> TlsChoice::use_requiretls(const Target& target, const Hop& hop, bool is_dane,
                                       TlsDemand& demand) const {
  demand.requiretls = hop.requiretls;
  if (hop.requiretls < RequireTls::OpportunisticTls) return {};
  if (hop.requiretls == RequireTls::OpportunisticTls) {
    if (demand.level >= TlsDemand::Level::Encrypt) return {};
    demand.level = TlsDemand::Level::Encrypt;
    demand.context = contexts_.mandatory;
    return {};
  }
  bool is_known_host = !target.is_from_mx || target.has_secure_mx || hop.sts.allows(target.host);
  bool is_verified = demand.level == TlsDemand::Level::Verified;
  // A certificate for the name, or a TLSA record below the name, that a forged MX record gives is
  // worth nothing.
  const auto& names = demand.server.names;
  bool is_by_mx_name = is_dane || std::ranges::find(names, target.host) != names.end();
  if (is_verified && (is_known_host || !is_by_mx_name)) return {};
  if (!is_known_host) {
    return Error(550, "5.7.10",
                 "REQUIRETLS: neither DNSSEC nor MTA-STS says that " + printable(target.host, 255) +
                     " has the mail of " + printable(hop.host, 255));
  }
  demand.level = TlsDemand::Level::Verified;
  demand.context = contexts_.verifying;
  demand.server.names = {target.host};
  demand.server.associations.clear();
  return {};
}

void TlsChoice::use_ciphers(const TlsPolicy& policy, bool is_mandatory, TlsDemand& demand) const {
  demand.server.versions = policy.versions;
  if (policy.cipher_grade.empty() && !policy.excluded) return;
  const Config& config = *config_;
  const std::string& usual =
      is_mandatory ? config.smtp_tls_mandatory_ciphers : config.smtp_tls_ciphers;
  std::vector<std::string> further;
  if (policy.excluded) {
    further = *policy.excluded;
  } else if (is_mandatory) {
    further = config.smtp_tls_mandatory_exclude_ciphers;
  }
  demand.server.cipher_list =
      cipher_list(config, policy.cipher_grade.empty() ? usual : policy.cipher_grade,
                  config.smtp_tls_exclude_ciphers, further);
}

}  // namespace pennypost::smtp
