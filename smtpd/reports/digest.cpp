#include "smtpd/reports/digest.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/text.h"
#include "common/mail/public_suffix.h"

namespace pennypost::smtp {
namespace {

/// The domains of the signatures with (or without) the result `pass`, within `domain` or outside.
std::string signers(const DmarcReportRow& row, std::string_view domain, bool passes,
                    bool is_inside) {
  std::set<std::string> names;
  for (const auto& one : row.dkim) {
    if ((one.result == "pass") == passes && is_within_domain(one.domain, domain) == is_inside) {
      names.insert(one.domain);
    }
  }
  return join({names.begin(), names.end()}, ", ");
}

/// The domain for which SPF passes, if that is not the author's.
std::string other_spf_domain(const DmarcReportRow& row, std::string_view domain) {
  for (const auto& one : row.spf) {
    if (one.result == "pass" && !is_within_domain(one.domain, domain)) return one.domain;
  }
  return "";
}

std::string meaning_of_pass(const DmarcReportRow& row, std::string_view domain) {
  if (row.dkim_aligned && row.spf_aligned) return "SPF and DKIM pass";
  if (row.dkim_aligned) {
    auto other = other_spf_domain(row, domain);
    if (!other.empty()) {
      return "DKIM passes; SPF does so for " + other +
             " alone: a service with bounce addresses of its own, or a forwarder";
    }
    return "DKIM passes, SPF does not: passed on by a forwarder or list, or an address that the "
           "SPF record lacks";
  }
  if (!signers(row, domain, false, true).empty()) {
    return "SPF passes, the DKIM signature does not: the key in DNS may be wrong";
  }
  return "SPF passes; it is not signed in the domain's name, so it fails where it is passed on";
}

std::string meaning_of_failure(const DmarcReportRow& row, std::string_view domain) {
  const std::string own(domain);
  if (!signers(row, domain, false, true).empty()) {
    return "the signature of " + own +
           " is not valid: changed on its way by a list or forwarder, forged, or the key in DNS is "
           "wrong";
  }
  auto others = signers(row, domain, true, false);
  if (!others.empty()) {
    return "signed by " + others + ", not by " + own +
           ": a service or list that sends in its name, and is not set up to sign for it";
  }
  auto other = other_spf_domain(row, domain);
  if (!other.empty()) {
    return "not signed; SPF passes for " + other + ", not for " + own +
           ": a service or forwarder, or forged";
  }
  return "neither signed nor allowed by SPF: forged, or a host of yours that the SPF record lacks";
}

void cover(DomainDigest& digest, std::int64_t begin, std::int64_t end) {
  if (begin > 0 && (digest.begin == 0 || begin < digest.begin)) digest.begin = begin;
  digest.end = std::max(digest.end, end);
}

/// Collects the digest of one domain.
struct Collector {
  DomainDigest digest;
  std::map<std::tuple<std::string, bool, std::string>, ReportedSource> sources;
  std::map<std::pair<std::string, std::string>, ReportedTlsFailure> tls;

  void add(const DmarcReport& report) {
    if (report.end >= digest.end || digest.policy.empty()) digest.policy = report.policy.policy;
    note(report.organization, report.begin, report.end);
    for (const auto& row : report.rows) {
      auto meaning = meaning_of(row, report.policy.domain);
      auto& source = sources[{row.source_ip, row.passes(), meaning}];
      source.address = row.source_ip;
      source.passes = row.passes();
      source.meaning = std::move(meaning);
      source.messages += row.count;
      if (row.disposition != "none") source.dispositions[row.disposition] += row.count;
      digest.messages += row.count;
      if (row.passes()) digest.passed += row.count;
    }
  }
  void add(const TlsReport& report, const TlsPolicyReport& policy) {
    note(report.organization, report.begin, report.end);
    digest.tls_sessions += policy.successes + policy.failures;
    digest.tls_failures += policy.failures;
    for (const auto& failure : policy.details) {
      auto host = failure.receiving_mx.empty() ? failure.receiving_ip : failure.receiving_mx;
      auto& kept = tls[{failure.kind, host}];
      kept.kind = failure.kind;
      kept.host = std::move(host);
      kept.meaning = meaning_of_tls(failure.kind);
      kept.sessions += failure.count;
    }
  }
  void note(const std::string& organization, std::int64_t begin, std::int64_t end) {
    cover(digest, begin, end);
    ++digest.reports;
    digest.reporters.insert(organization.empty() ? "somebody without a name" : organization);
  }
  DomainDigest finish() {
    for (auto& [key, source] : sources) digest.sources.push_back(std::move(source));
    std::ranges::stable_sort(digest.sources, [](const auto& a, const auto& b) {
      return std::pair(a.passes, b.messages) < std::pair(b.passes, a.messages);
    });
    for (auto& [key, failure] : tls) digest.tls.push_back(std::move(failure));
    std::ranges::stable_sort(digest.tls, std::ranges::greater(), &ReportedTlsFailure::sessions);
    return std::move(digest);
  }
};

}  // namespace

std::string meaning_of(const DmarcReportRow& row, std::string_view domain) {
  return row.passes() ? meaning_of_pass(row, domain) : meaning_of_failure(row, domain);
}

std::string_view meaning_of_tls(std::string_view kind) {
  static const std::map<std::string_view, std::string_view> meanings{
      {"starttls-not-supported", "the server did not offer STARTTLS"},
      {"certificate-host-mismatch", "the certificate has another name than the server"},
      {"certificate-expired", "the certificate has expired"},
      {"certificate-not-trusted", "the certificate is of no authority that the sender trusts"},
      {"validation-failure", "the connection could not be secured; the reason is not said"},
      {"tlsa-invalid", "a TLSA record is malformed, or fits no certificate of the server"},
      {"dnssec-invalid", "the DNSSEC signatures are not valid"},
      {"dane-required", "the sender asks for DANE, and there are no TLSA records"},
      {"sts-policy-fetch-error", "the MTA-STS policy could not be fetched by HTTPS"},
      {"sts-policy-invalid", "the MTA-STS policy is malformed"},
      {"sts-webpki-invalid", "the certificate of the MTA-STS policy's web server is not valid"},
  };
  auto found = meanings.find(kind);
  return found == meanings.end() ? "a failure that RFC 8460 does not name" : found->second;
}

std::vector<DomainDigest> digests(const ReceivedReports& reports, std::string_view only,
                                  std::int64_t since) {
  std::map<std::string, Collector> by_domain;
  auto is_wanted = [&](const std::string& domain, std::int64_t end) {
    return (only.empty() || equal_nocase(domain, only)) && (end == 0 || end >= since);
  };
  for (const auto& report : reports.dmarc()) {
    if (is_wanted(report.policy.domain, report.end)) by_domain[report.policy.domain].add(report);
  }
  for (const auto& report : reports.tls()) {
    for (const auto& policy : report.policies) {
      if (is_wanted(policy.domain, report.end)) by_domain[policy.domain].add(report, policy);
    }
  }
  std::vector<DomainDigest> made;
  for (auto& [domain, collector] : by_domain) {
    collector.digest.domain = domain;
    made.push_back(collector.finish());
  }
  return made;
}

}  // namespace pennypost::smtp
