// Tells who sends mail in our domains' names, by the reports that other hosts have sent us.
//
// SYNOPSIS
//   pennypost reports [-c DIR] [--from USER|PATH]... [--since TIME] [--json] [DOMAIN]
//
// DESCRIPTION
//   For each domain, or for DOMAIN: how many messages in its name others have got, from which
//   addresses, what passed DMARC, what failed, and what that may mean; and how often others could
//   not encrypt a connection to its servers as it asks.
//
//   Reports are DMARC aggregate reports (rua= of the _dmarc record) and TLS reports (rua= of the
//   _smtp._tls record). They are looked for in the mailboxes of this host to which
//   report_recipient leads; nothing in them is changed.
//
//   --from    looks in the mailbox of this user instead, or in this Maildir, mbox, message or
//             report (a path with a slash); may be given several times
//   --since   leaves out what came before: 2026-11-29, or 3d, 12h, 30m before now; without it 30d
//   --json    an object a line for each domain
//
// EXIT STATUS
//   0 found, 1 no reports were found, 64 wrong arguments, 75 a mailbox can't be read, 78 the
//   configuration is wrong.
//
// SEE ALSO   ../reports/digest.h (the words)
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int reports(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
