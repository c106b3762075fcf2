// Makes the queue's directories and sets their owners and modes.
//
//   QUEUE_DIRECTORY            755 mail_owner
//   QUEUE_DIRECTORY/db         700 mail_owner
//   QUEUE_DIRECTORY/maildrop  1730 mail_owner:setgid_group    postdrop adds files, nobody lists
//
// What lies below is made by the queue itself. For the master, as root, before it starts the queue;
// an ordinary user owns all of it anyway. The directories above must belong to root, and neither
// `db` nor `maildrop` may be a link: mail_owner could lead root to a directory that is not his.
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// Makes what is missing, and as root sets owners and modes. An Error says the remedy.
Result<void> prepare_queue_directories(const Config& config);

}  // namespace pennypost::smtp
