// Delivers a message to one recipient of this host: to a mailbox, by .forward, to a |command or a
// /file.
//
// A filter decides where mail to a mailbox is stored; a redirect to the recipient itself becomes a
// copy in INBOX. The Outcome carries the filter's redirects and replies back to the queue.
//
// Runs as the recipient's own user. A message that already has a Delivered-To: with this address is
// in a loop and bounces (5.4.6). Blocks: use offload.
//
// SEE ALSO   ../../store/mailbox/mailbox.h (where mail is written), ../../store/mailbox/delivery.h
//            (filters), command.h, forward_file.h
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "smtpd/delivery/messages.h"

namespace pennypost::smtp {

/// `body` is the body's file, or -1 if it is inline. The folders of the account for which copies
/// were chosen are added to `folders`, by the names of Placement::folder.
Outcome deliver_locally(const Config& config, const Attempt& attempt, const Recipient& recipient,
                        int body, store::DeliveryFilter& filter,
                        std::vector<std::string>* folders = nullptr);

}  // namespace pennypost::smtp
