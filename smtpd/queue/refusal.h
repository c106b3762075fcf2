// What a client is told when the queue can't take its message: no more than Postfix tells it. The
// cause is for the log.
#pragma once

#include "common/base/result.h"

namespace pennypost::smtp {

/// 452: the disk or a quota is full.
inline Error insufficient_storage() { return Error(452, "4.3.1", "Insufficient system storage"); }
/// 451: anything else.
inline Error queue_write_error() { return Error(451, "4.3.0", "Error: queue file write error"); }

}  // namespace pennypost::smtp
