#include "smtpd/delivery/dane.h"

#include <algorithm>

namespace pennypost::smtp {
namespace {

DaneRecords none(DaneRecords::Kind kind, const char* why) {
  DaneRecords found;
  found.kind = kind;
  found.why = why;
  return found;
}

Error lookup_error(const Target& target, const std::string& reason) {
  return Error::temporary("4.7.5", "TLSA lookup error for " + target.host + ":" +
                                       std::to_string(target.endpoint.port()) + ": " + reason);
}

/// The names at which the records may be; empty if the host's name leads to its addresses by ways
/// that are not secure.
Task<Result<std::vector<std::string>>> bases_of(Resolver& resolver, Target target, bool is_forced) {
  std::vector<std::string> bases;
  if (target.has_secure_address || is_forced) {
    if (!target.canonical.empty()) bases.push_back(target.canonical);
    bases.push_back(target.host);
    co_return bases;
  }
  if (target.canonical.empty()) co_return bases;
  auto alias = co_await resolver.alias(target.host);
  if (alias.status == DnsStatus::TryLater) co_return lookup_error(target, alias.reason);
  if (alias.status == DnsStatus::Found && alias.is_authentic) bases.push_back(target.host);
  co_return bases;
}

std::vector<CertificateAssociation> usable_of(const std::vector<TlsaRecord>& records) {
  std::vector<CertificateAssociation> usable;
  std::size_t count = std::min(records.size(), tlsa_records_max);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& record = records[i];
    CertificateAssociation one{record.usage, record.selector, record.matching, record.data};
    if (is_usable(one)) usable.push_back(std::move(one));
  }
  return usable;
}

}  // namespace

Task<Result<DaneRecords>> find_dane_records(Resolver& resolver, Target target, DaneRules rules) {
  using Kind = DaneRecords::Kind;
  constexpr const char* not_secure = "non DNSSEC destination";
  bool is_misled = target.is_from_mx && !target.has_secure_mx;
  if (is_misled && rules.insecure_mx == DaneRules::InsecureMx::May) {
    co_return none(Kind::None, not_secure);
  }
  auto finding = bases_of(resolver, target, rules.looks_at_insecure_hosts);
  CO_TRY(auto bases, co_await std::move(finding));
  if (bases.empty()) co_return none(Kind::None, not_secure);
  std::string prefix = "_" + std::to_string(target.endpoint.port()) + "._tcp.";
  for (const auto& base : bases) {
    auto answer = co_await resolver.tlsa(prefix + base);
    if (answer.status == DnsStatus::TryLater) co_return lookup_error(target, answer.reason);
    if (!answer.is_found() || !answer.is_authentic) continue;
    DaneRecords found;
    found.records = usable_of(answer.values);
    found.base = base;
    if (found.records.empty()) co_return none(Kind::Unusable, "TLSA records unusable");
    found.kind = Kind::Usable;
    if (is_misled && rules.insecure_mx == DaneRules::InsecureMx::Encrypt) {
      found.kind = Kind::Unverifiable;
      found.why = not_secure;
    }
    co_return std::move(found);
  }
  co_return none(Kind::None, "no TLSA records found");
}

}  // namespace pennypost::smtp
