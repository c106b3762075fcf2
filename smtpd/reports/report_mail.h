// Writes the message that brings a domain its DMARC aggregate report.
//
// STANDARDS  RFC 7489 section 7.2.1.1 (subject, name of the file, gzip), RFC 3834 (Auto-Submitted)
// SEE ALSO   ../../common/mailauth/dmarc_report.h (the report), reporter.h (who sends it)
#pragma once

#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/mailauth/dmarc_report.h"
#include "common/mailauth/report_targets.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

/// The report's metadata by the settings. Its id is the same whenever the report of that day is
/// made again, so that whoever gets it twice knows.
void sign_report(DmarcReport& report, const Config& config);

/// The message, of this id, to all targets whose limit allows its size; nothing if there is none
/// left. What becomes of it is not reported to anybody.
std::optional<NewMessage> report_mail(QueueId id, const DmarcReport& report,
                                      const std::vector<ReportTarget>& targets,
                                      const Config& config, const Clock& clock);

}  // namespace pennypost::smtp
