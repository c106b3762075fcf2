// Requests about reports to other domains: what `receive` has found out about a message by DMARC,
// for the queue to keep, and what the queue asks of `lookup` when it sends a report.
//
// SEE ALSO   ../reports/evaluations.h (where it is kept), ../reports/daily_reporter.h (who asks),
//            report_poster.h (who posts)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/mailauth/dmarc_report.h"
#include "common/mailauth/report_targets.h"
#include "common/process/port.h"

namespace pennypost::smtp {

/// Keeps one message's row for the next report; posted, without waiting for an answer.
struct NoteEvaluation {
  static constexpr std::uint16_t type = 231;
  using Reply = Done;
  DmarcReportPolicy policy;
  DmarcReportRow row;
  template <class Archive>
  void fields(Archive& archive) {
    archive(policy, row);
  }
};

enum class ReportKind : std::uint8_t { Dmarc, Tls };
constexpr ReportKind wire_last(ReportKind) { return ReportKind::Tls; }

/// Asks where the reports of a domain go. Errors are temporary: DNS does not answer.
struct FindReportTargets {
  static constexpr std::uint16_t type = 232;
  struct Targets {
    std::vector<ReportTarget> addresses;
    std::vector<std::string> web;  // https: URIs; none of both: nobody wants a report
    bool is_empty() const { return addresses.empty() && web.empty(); }
    template <class Archive>
    void fields(Archive& archive) {
      archive(addresses, web);
    }
  };
  using Reply = Targets;
  std::string domain;
  ReportKind kind = ReportKind::Dmarc;
  template <class Archive>
  void fields(Archive& archive) {
    archive(domain, kind);
  }
};

/// Posts a report to a web server. Answered when that has accepted it, by any status 2xx; Errors
/// are temporary.
struct PostReport {
  static constexpr std::uint16_t type = 233;
  using Reply = Done;
  std::string uri;           // https:
  std::string content_type;  // `application/tlsrpt+gzip`
  std::string content;
  template <class Archive>
  void fields(Archive& archive) {
    archive(uri, content_type, content);
  }
};

}  // namespace pennypost::smtp
