// Serves one command from the queue while smtpd is stopped.
//
// What `queue` answers over its socket is answered here by the same code over a connection that the
// command brings: it lists, reads, holds, removes. No delivery is tried. What postdrop left is
// taken in first, as at a start, so that it is seen and can be removed too. The database's lock
// keeps out an smtpd that is started meanwhile, which waits for predecessor_seconds.
//
// SEE ALSO   control_server.h (while smtpd runs), ../commands/queue_access.h (who calls it)
#pragma once

#include <memory>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// Blocks until the other end closes. The first frame that it gets is an empty control_reply, or
/// control_error where the queue can't be opened. For a process of its own, run as mail_owner.
void serve_stopped_queue(std::shared_ptr<const Config> config, Descriptor socket);

}  // namespace pennypost::smtp
