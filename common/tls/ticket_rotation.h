// Gives TLS session tickets a new key whenever the lifetime of the newest is over.
//
// SEE ALSO   ticket_keys.h (where they lie), common/process/master.h (who does it)
#pragma once

#include <functional>

#include "common/async/loop.h"
#include "common/tls/ticket_keys.h"

namespace pennypost {

/// For ever. `lifetime` is asked anew after `changed`, so that a shorter one counts at once.
Task<> change_ticket_keys(Loop& loop, TicketKeys& keys, std::function<Duration()> lifetime,
                          Event& changed);

}  // namespace pennypost
