// Tells what became of a message, from the log, the queue and the mailboxes.
//
// SYNOPSIS
//   pennypost where [-c DIR] [--since TIME] [--log FILE]... [--json] ID|ADDRESS|MESSAGE-ID
//
// DESCRIPTION
//   For each message, the oldest first: from whom and from which client it came, each attempt for
//   each recipient with the answer of the other side, what still waits and why, and the file of the
//   mailbox in which it lies. What was refused before it had a queue id is told, too, and so are
//   the reports that were sent about it. Who has read, moved or removed it, and over which
//   protocol, is told if mail_log_events is set.
//
//   The log is that of maillog_file, with the files that rotation has made of it, also those of
//   gzip; else /var/log/mail.log, else the journal.
//
//   --since   leaves out log files that ended before: 2026-11-29, or 3d, 12h, 30m before now
//   --log     reads this file instead; may be given several times, the oldest first
//   --json    an object a line for each message
//
// EXIT STATUS
//   0 found, 1 nothing was found, 64 wrong arguments, 75 the log can't be read, 78 the
//   configuration is wrong.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int where(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
