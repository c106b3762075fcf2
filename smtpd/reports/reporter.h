// Sends each domain that wants one a DMARC report of the day before.
//
// Looks for days that are over when it starts, and then once an hour: so reports leave within an
// hour after midnight UTC, when exactly depends on when the server was started, and hosts do not
// all send at once. A report is in the queue before what it says is forgotten; a crash in between
// sends it twice, with the same id. Where DNS does not answer it is tried again an hour later, and
// given up after days_kept. Where dmarc_reports is turned off, what is there is removed.
//
// STANDARDS  RFC 7489 section 7.2
// SEE ALSO   evaluations.h (what is reported), report_mail.h (the message)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/config/config.h"
#include "smtpd/policy/report_messages.h"
#include "smtpd/reports/evaluations.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

class Reporter {
 public:
  /// How it reaches the rest of the queue process.
  struct Ask {
    std::function<std::shared_ptr<const Config>()> config;
    /// Where a domain's reports go.
    std::function<Task<Result<FindReportTargets::Targets>>(FindReportTargets)> find_targets;
    /// Puts a message into the queue; it survives a power cut when this returns.
    std::function<Task<Result<void>>(NewMessage)> submit;
  };
  static constexpr std::chrono::hours round{1};
  static constexpr std::int64_t days_kept = 3;

  /// `directory` need not exist.
  Reporter(Loop& loop, std::string directory, Ask ask, const Clock& clock)
      : loop_(loop), kept_(std::move(directory)), ask_(std::move(ask)), clock_(clock) {}

  /// Sends what is due, for ever.
  Task<> run();
  /// Sends, or removes, what is of days before today.
  Task<> send_due();
  /// Keeps one message's row; that it can't be kept is logged once a day.
  Task<> note(NoteEvaluation evaluation);

 private:
  Task<Result<void>> send(Evaluations::Collection collection);
  Task<Result<void>> drop(Evaluations::Collection collection);
  bool is_too_old(const Evaluations::Collection& collection) const;

  Loop& loop_;
  Evaluations kept_;
  Ask ask_;
  const Clock& clock_;
  std::string warned_;  // the day of the last warning
};

}  // namespace pennypost::smtp
