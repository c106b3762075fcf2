// Writes a message's reports to its senders: failures, delays, successes.
//
// Each sender (a mailing list's members have the owner as theirs) gets one report for failures and
// expiries, one for successes and one for delays. The null sender gets none, so that no report
// answers a report; the log says that such mail was dropped. notify_classes may have postmaster get
// a copy of failures and delays, and what the null sender does not get; such mail is from
// double_bounce_sender, and what becomes of it is told to nobody.
//
// Of mail with REQUIRETLS only the header is returned, whatever RET asks for. The report goes
// without REQUIRETLS; with requiretls_redact_dsn off it asks for it as well.
//
// STANDARDS  RFC 3464, RFC 3461 section 6, RFC 5321 section 6.1, RFC 8689 section 5
// SEE ALSO   ../../common/mail/report.h (the text), retry.h (who wants which), new_message.h
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/mail/bounce_template.h"
#include "smtpd/queue/queued_message.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

/// How much of the original is read for a report that returns only its header.
inline constexpr std::uint64_t report_header_bytes_max = 256 * 1024;
/// The most that a report returns of a message, whatever bounce_size_limit says.
inline constexpr std::uint64_t report_original_bytes_max = 4 * 1024 * 1024;

/// Whether anybody is told that mail for a recipient has failed: its sender, or postmaster of a
/// report that nobody asked to be told of (notify_classes).
bool is_failure_told(const Config& config, const std::string& sender, std::uint8_t notify);
/// Whether any report about this message is due.
bool has_reports(const QueuedMessage& message, bool is_delay_due);
/// How many bytes of the message the reports may need.
std::uint64_t original_bytes_needed(const Config& config, const Envelope& envelope);

/// Writes the due reports and marks them as done in the message. `retry_until` (seconds since
/// 1970): when delivery of a delayed message will be given up.
std::vector<NewMessage> take_reports(QueuedMessage& message, bool is_delay_due,
                                     const std::string& original, std::int64_t retry_until,
                                     const Config& config, const BounceTemplates& templates,
                                     const Clock& clock);

}  // namespace pennypost::smtp
