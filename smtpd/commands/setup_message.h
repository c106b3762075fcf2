// Sends the message by which a host that was just set up shows that it works.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// How long the message's way is watched.
inline constexpr int test_message_seconds = 30;

/// Sends a message to an address by the queue of the running smtpd, and tells what became of it:
/// the file of the mailbox where it lies, or the status that the log shows. Error: it was not
/// taken, was put off or returned, or has not arrived after test_message_seconds.
Result<std::string> send_test_message(const std::shared_ptr<const Config>& config,
                                      const std::string& recipient);

}  // namespace pennypost::smtp
