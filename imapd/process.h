// Runs imapd's own processes: `login`, until the client is known, and `worker`, which serves the
// mail.
#pragma once

#include "common/process/child.h"

namespace pennypost::imap {

void run_login(Child& child);
void run_worker(Child& child);

}  // namespace pennypost::imap
