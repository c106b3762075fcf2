// Sends each domain that wants one a DMARC report of the day before.
//
// STANDARDS  RFC 7489 section 7.2
// SEE ALSO   daily_reporter.h (when), evaluations.h (what is reported), report_mail.h (the message)
#pragma once

#include <string>

#include "smtpd/reports/daily_reporter.h"
#include "smtpd/reports/evaluations.h"

namespace pennypost::smtp {

class Reporter final : public DailyReporter {
 public:
  /// `directory` need not exist.
  Reporter(Loop& loop, std::string directory, Ask ask, const Clock& clock)
      : DailyReporter(loop, "dmarc", std::move(ask), clock), kept_(std::move(directory)) {}

  /// Keeps one message's row.
  Task<> note(NoteEvaluation evaluation);

 private:
  DailyLines& lines() override { return kept_.lines(); }
  bool is_wanted(const Config& config) const override { return config.dmarc_reports; }
  ReportKind kind() const override { return ReportKind::Dmarc; }
  Result<Written> write(QueueId id, const Collection& collection,
                        const FindReportTargets::Targets& to, const Config& config) const override;

  Evaluations kept_;
};

}  // namespace pennypost::smtp
