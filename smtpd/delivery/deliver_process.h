// The `deliver` process: Attempts for one user's mailbox (or for all own users') in, Outcomes out.
#pragma once

#include "common/process/child.h"

namespace pennypost::smtp {

void run_deliver(Child& child);

}  // namespace pennypost::smtp
