// Looks at this host itself: settings, daemons, certificate, disks, clock, and the mail that waits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/tls/certificate_report.h"
#include "smtpd/commands/findings.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {

/// What pennypost check finds, and whether the daemons run.
Findings check_settings(const std::string& directory, const std::shared_ptr<const Config>& config);

/// The certificate of smtpd, or of popd and imapd; nothing if there is none or it can't be read.
std::optional<CertificateReport> certificate_of(const Config& config);
Findings check_certificate(const Config& config, const std::optional<CertificateReport>& report);

/// Room and inodes where queue, state and mail lie; whether the clock is kept.
Findings check_disks(const Config& config);
Findings check_clock();

/// Mail that waits: since when, for whom, and what the reason calls for.
Findings check_queue(const std::shared_ptr<const Config>& config);
/// The same for what the queue answers; `now`: seconds since 1970.
Findings findings_of_queue(const SummarizeQueue::Summary& queue, std::int64_t now);

/// What helps against a reason for which mail waits, in plain words; empty if that is not known.
std::string remedy_for(std::string_view reason);

}  // namespace pennypost::smtp
