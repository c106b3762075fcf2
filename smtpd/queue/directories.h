// A configuration in, the queue's directories with their owners and modes out.
//
//   QUEUE_DIRECTORY            755 mail_owner
//   QUEUE_DIRECTORY/db         700 mail_owner
//   QUEUE_DIRECTORY/maildrop  1730 mail_owner:setgid_group    postdrop adds files, nobody lists
//   them
//
// What lies below is made by the queue itself. For the master, as root, before it starts the queue;
// an ordinary user owns all of it anyway.
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// Makes what is missing, and as root sets owners and modes. Error 451 with the remedy.
Result<void> prepare_queue_directories(const Config& config);

}  // namespace pennypost::smtp
