#include "smtpd/reports/tls_reporter.h"

#include <utility>

#include "common/mail/archive.h"
#include "smtpd/reports/report_mail.h"

namespace pennypost::smtp {

Result<TlsReporter::Written> TlsReporter::write(QueueId id, const Collection& collection,
                                                const FindReportTargets::Targets& to,
                                                const Config& config) const {
  Written written;
  TRY(auto report, kept_.read(collection));
  if (!report) return written;
  written.is_empty = false;
  sign_report(*report, collection.domain, config);
  written.message =
      tls_report_mail(std::move(id), *report, collection.domain, to.addresses, config, clock());
  if (!to.web.empty()) {
    written.content_type = "application/tlsrpt+gzip";
    written.content = gzip(tls_report_json(*report));
  }
  return written;
}

Task<> TlsReporter::note(NoteTlsResult note) {
  auto keeping = keep([&](std::int64_t now) { return kept_.add(note.domain, note.result, now); });
  co_await std::move(keeping);
}

}  // namespace pennypost::smtp
