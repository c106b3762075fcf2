// Makes a new key for TLS session tickets whenever the lifetime of the newest one is over.
//
// SEE ALSO ticket_keys.h (the keys), common/process/master.h (the caller)
#pragma once

#include <functional>

#include "common/async/loop.h"
#include "common/tls/ticket_keys.h"

namespace pennypost {

/// Never returns. Calls `lifetime` again after `changed`, so that a shorter one takes effect at
/// once.
Task<> change_ticket_keys(Loop& loop, TicketKeys& keys, std::function<Duration()> lifetime,
                          Event& changed);

}  // namespace pennypost
