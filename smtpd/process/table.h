// The table of smtpd's processes: as which user each runs, and which talk to each other.
#pragma once

#include "common/process/master.h"

namespace pennypost::smtp {

DaemonSpec process_table();

}  // namespace pennypost::smtp
