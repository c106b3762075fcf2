// Says in words what the reports about a domain's mail come to: who sends in its name, what passes,
// what fails, and why that may be.
//
// SEE ALSO   received.h (the reports), ../commands/reports.h (who shows it)
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/reports/received.h"

namespace pennypost::smtp {

/// Mail from one address with one outcome.
struct ReportedSource {
  std::string address;
  bool passes = false;  // DMARC
  std::string meaning;  // what it means
  std::uint64_t messages = 0;
  std::map<std::string, std::uint64_t> dispositions;  // how many were quarantined, rejected
};

/// Sessions of one kind of failure.
struct ReportedTlsFailure {
  std::string kind;
  std::string host;  // of ours; empty: not said
  std::string meaning;
  std::uint64_t sessions = 0;
};

struct DomainDigest {
  std::string domain;
  std::int64_t begin = 0;  // seconds since 1970; 0: no report says
  std::int64_t end = 0;
  std::set<std::string> reporters;
  std::size_t reports = 0;
  std::string policy;  // p= of the newest report
  std::uint64_t messages = 0;
  std::uint64_t passed = 0;
  std::vector<ReportedSource> sources;  // what fails first, then by their number of messages
  std::uint64_t tls_sessions = 0;
  std::uint64_t tls_failures = 0;
  std::vector<ReportedTlsFailure> tls;

  /// As text for people; as a JSON object in one line.
  std::string text() const;
  std::string json() const;
};

/// What became of a row's mail, as a sentence without a full stop.
std::string meaning_of(const DmarcReportRow& row, std::string_view domain);
/// The same of a result-type of RFC 8460 section 4.3.
std::string_view meaning_of_tls(std::string_view kind);

/// By domain. Reports that end before `since` (seconds since 1970) are left out, and other domains
/// than `only`, unless that is empty.
std::vector<DomainDigest> digests(const ReceivedReports& reports, std::string_view only,
                                  std::int64_t since);

}  // namespace pennypost::smtp
