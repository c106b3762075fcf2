// Requests about reports to other domains: what `receive` has found out about a message by DMARC,
// for the queue to keep, and what the queue asks `lookup` before it sends a report.
//
// SEE ALSO   ../reports/evaluations.h (where it is kept), ../reports/reporter.h (who asks)
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
    std::vector<ReportTarget> targets;  // none: nobody wants a report
    template <class Archive>
    void fields(Archive& archive) {
      archive(targets);
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

}  // namespace pennypost::smtp
