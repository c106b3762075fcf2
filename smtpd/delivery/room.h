// Foretells whether a delivery would find the recipient's mailbox over its quota.
//
// A message that a Sieve script may send away or refuse, or file where a quota rule of its own
// holds, is never said to have no room: only its delivery shows where it goes.
//
// Runs as the recipient's own user. Blocks: use offload.
//
// SEE ALSO   local.h (the delivery), ../../store/mailbox/quota_rules.h
#pragma once

#include "common/config/config.h"
#include "smtpd/delivery/room_messages.h"

namespace pennypost::smtp {

/// The fate is 250, or the reply that says why the message has no room: 452 4.2.2 or 552 5.2.2, as
/// quota_exceeded has it; 552 5.2.2 if it is larger than the whole quota. 250 also if the mailbox
/// can't be looked at.
Room room_for(const Config& config, const MeasureRoom& ask);

}  // namespace pennypost::smtp
