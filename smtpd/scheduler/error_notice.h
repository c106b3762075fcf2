// Writes the mail that tells postmaster of an error in a session, as notify_classes asks.
//
// STANDARDS  RFC 3834 (Auto-Submitted)
// SEE ALSO   reports.h (what postmaster is told of mail), ../queue/messages.h (PostNotice)
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/config/config.h"
#include "smtpd/queue/messages.h"
#include "smtpd/scheduler/new_message.h"

namespace pennypost::smtp {

/// The address of a setting such as bounce_notice_recipient, with its domain.
std::string notice_recipient(const std::string& setting, const Config& config);

/// From double_bounce_sender, to error_notice_recipient or bounce_notice_recipient.
NewMessage error_notice(const PostNotice& notice, const Config& config, const Clock& clock);

}  // namespace pennypost::smtp
