// Parses and writes TLS reports: what a host says about the encryption of its connections to
// another domain's hosts.
//
// Keys that are not known are passed over.
//
// LIMITS     tls_report_bytes_max, tls_report_depth_max, tls_report_policies_max,
//            tls_report_failures_max
// STANDARDS  RFC 8460 section 4
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

inline constexpr std::size_t tls_report_bytes_max = 4 << 20;
inline constexpr int tls_report_depth_max = 20;
inline constexpr std::size_t tls_report_policies_max = 1000;
inline constexpr std::size_t tls_report_failures_max = 10'000;  // of one policy

/// Failures of one kind.
struct TlsFailure {
  std::string kind;  // result-type: `certificate-expired`, `starttls-not-supported`, ...
  std::string sending_ip;
  std::string receiving_mx;
  std::string receiving_ip;
  std::string reason;  // failure-reason-code or additional-information; the former when written
  std::uint64_t count = 0;
};

/// The sessions under one policy of a domain.
struct TlsPolicyReport {
  std::string type;  // `sts`, `tlsa`, `no-policy-found`
  std::string domain;
  std::vector<std::string> policy;       // policy-string; written, not parsed
  std::vector<std::string> mx_patterns;  // mx-host; the same
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::vector<TlsFailure> details;
};

struct TlsReport {
  std::string organization;  // who reports
  std::string contact;
  std::string report_id;
  std::int64_t begin = 0;  // seconds since 1970
  std::int64_t end = 0;
  std::vector<TlsPolicyReport> policies;
};

/// The report as JSON. Text that is no UTF-8 is replaced.
std::string tls_report_json(const TlsReport& report);

/// Error 550: what is wrong.
Result<TlsReport> parse_tls_report(std::string_view json);

}  // namespace pennypost
