// Lets one command use the queue while smtpd is stopped.
//
// The requests that `queue` answers on its socket (list, read, hold, remove) are answered here by
// the same code, over a connection to the command. No delivery is tried. The files of maildrop are
// submitted first, as when smtpd starts, so that they are listed and can be removed, too. An smtpd
// that is started meanwhile waits for the database's lock, for up to predecessor_seconds.
//
// SEE ALSO   control_server.h (while smtpd runs), ../commands/queue_access.h (who calls it)
#pragma once

#include <memory>

#include "common/base/descriptor.h"
#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// Blocks until the other end closes. It first sends an empty control_reply, or control_error if
/// the queue can't be opened. To be called in a separate process that runs as mail_owner.
void serve_stopped_queue(std::shared_ptr<const Config> config, Descriptor socket);

}  // namespace pennypost::smtp
