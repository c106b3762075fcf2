// Sends each domain that wants one a report of the TLS of the day before's sessions with its hosts.
//
// STANDARDS  RFC 8460 sections 4 and 5
// SEE ALSO   daily_reporter.h (when), tls_results.h (what is reported), report_mail.h (the message)
#pragma once

#include <string>

#include "smtpd/queue/tls_note.h"
#include "smtpd/reports/daily_reporter.h"
#include "smtpd/reports/tls_results.h"

namespace pennypost::smtp {

class TlsReporter final : public DailyReporter {
 public:
  /// `directory` need not exist.
  TlsReporter(Loop& loop, std::string directory, Ask ask, const Clock& clock)
      : DailyReporter(loop, "tlsrpt", std::move(ask), clock), kept_(std::move(directory)) {}

  /// Keeps one session's result.
  Task<> note(NoteTlsResult note);

 private:
  DailyLines& lines() override { return kept_.lines(); }
  bool is_wanted(const Config& config) const override { return config.smtp_tlsrpt_enable; }
  ReportKind kind() const override { return ReportKind::Tls; }
  Result<Written> write(QueueId id, const Collection& collection,
                        const FindReportTargets::Targets& to, const Config& config) const override;

  TlsResults kept_;
};

}  // namespace pennypost::smtp
