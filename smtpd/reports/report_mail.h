// Writes the messages that bring a domain its reports: of DMARC, and of TLS.
//
// A TLS report must arrive even where TLS fails, of which it may tell (RFC 8460 section 5.3): it
// says TLS-Required: No.
//
// STANDARDS  RFC 7489 section 7.2.1.1 (subject, name of the file, gzip), RFC 8460 sections 5.1 and
//            5.3, RFC 3834 (Auto-Submitted), RFC 8689 section 3 (TLS-Required)
// SEE ALSO   ../../common/mailauth/dmarc_report.h, ../../common/mailauth/tls_report.h (the
// reports),
//            daily_reporter.h (who sends them)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/mailauth/dmarc_report.h"
#include "common/mailauth/report_targets.h"
#include "common/mailauth/tls_report.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

/// The report's metadata by the settings. Its id is the same whenever the report of that day is
/// made again, so that whoever gets it twice knows.
void sign_report(DmarcReport& report, const Config& config);
/// The same; `domain`: whose hosts it is about.
void sign_report(TlsReport& report, const std::string& domain, const Config& config);

/// The message, of this id, to all targets whose limit allows its size; nothing if there is none
/// left. What becomes of it is not reported to anybody.
std::optional<NewMessage> report_mail(QueueId id, const DmarcReport& report,
                                      const std::vector<ReportTarget>& targets,
                                      const Config& config, const Clock& clock);
/// The same.
std::optional<NewMessage> tls_report_mail(QueueId id, const TlsReport& report,
                                          const std::string& domain,
                                          const std::vector<ReportTarget>& targets,
                                          const Config& config, const Clock& clock);

}  // namespace pennypost::smtp
