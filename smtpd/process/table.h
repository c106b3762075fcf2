// The table of smtpd's processes: who runs as whom, and who talks to whom.
#pragma once

#include "common/process/master.h"

namespace pennypost::smtp {

DaemonSpec process_table();

}  // namespace pennypost::smtp
