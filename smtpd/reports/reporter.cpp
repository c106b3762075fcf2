#include "smtpd/reports/reporter.h"

#include <utility>

#include "smtpd/reports/report_mail.h"

namespace pennypost::smtp {

Result<Reporter::Written> Reporter::write(QueueId id, const Collection& collection,
                                          const FindReportTargets::Targets& to,
                                          const Config& config) const {
  Written written;
  TRY(auto report, kept_.read(collection));
  if (!report) return written;
  written.is_empty = false;
  sign_report(*report, config);
  written.message = report_mail(std::move(id), *report, to.addresses, config, clock());
  return written;
}

Task<> Reporter::note(NoteEvaluation evaluation) {
  KeptEvaluation one{std::move(evaluation.policy), std::move(evaluation.row)};
  auto keeping = keep([&](std::int64_t now) { return kept_.add(one, now); });
  co_await std::move(keeping);
}

}  // namespace pennypost::smtp
