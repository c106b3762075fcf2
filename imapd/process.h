// Runs imapd's own processes: `login`, until the client is known, and `worker`, which serves the
// mail.
#pragma once

#include "common/process/child.h"

namespace pennypost::imap {

void run_login(Child& child);
void run_worker(Child& child);

/// Whether scripts that clients cause to run may need programs (vnd.dovecot.pipe and its kin), or
/// send mail by sendmail, or attachments are read by one (fts_decoder).
bool runs_programs(const Config& config);

}  // namespace pennypost::imap
