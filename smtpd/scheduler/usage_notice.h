// Writes the mail that warns postmaster of a user who will soon have reached a limit of outgoing
// mail: time to look whether a password was stolen, before mail is refused.
//
// STANDARDS  RFC 3834 (Auto-Submitted)
// SEE ALSO   ../policy/outgoing_limits.h
#pragma once

#include "common/base/clock.h"
#include "common/config/config.h"
#include "smtpd/policy/outgoing_limits.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

/// From double_bounce_sender, to error_notice_recipient.
NewMessage usage_notice(const OutgoingWarning& warning, const Config& config, const Clock& clock);

}  // namespace pennypost::smtp
