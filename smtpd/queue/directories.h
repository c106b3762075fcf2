// Makes the queue's directories and sets their owners and modes.
//
//   QUEUE_DIRECTORY            755 mail_owner
//   QUEUE_DIRECTORY/db         700 mail_owner
//   QUEUE_DIRECTORY/maildrop  1730 mail_owner:setgid_group    postdrop adds, nobody lists
//
// The queue process makes what lies below them, and QUEUE_DIRECTORY/dmarc (700), where it keeps
// what dmarc_reports report. The master calls this as root before it starts the queue; when an
// ordinary user runs the server, he owns everything anyway. The directories above must belong to
// root, and neither `db` nor `maildrop` may be a link: otherwise mail_owner could make root change
// a directory that is not his.
#pragma once

#include "common/base/result.h"
#include "common/config/config.h"

namespace pennypost::smtp {

/// Creates missing directories and, as root, sets owners and modes. An Error says how to put things
/// right.
Result<void> prepare_queue_directories(const Config& config);

}  // namespace pennypost::smtp
