// Checks Sieve scripts, shows what they would do with a message, and keeps those of users.
//
// SYNOPSIS
//   pennypost sieve check [-c DIR] FILE...
//   pennypost sieve test [-c DIR] [--from ADDRESS] [--to ADDRESS] [--mailbox NAME]...
//     [--remembered KEY]... FILE MESSAGE
//   pennypost sieve list|deactivate [-c DIR] USER
//   pennypost sieve get|activate|delete [-c DIR] USER NAME
//   pennypost sieve put [-c DIR] USER NAME FILE
//   pennypost sieve rename [-c DIR] USER NAME NEW
//   pennypost sieve run [-c DIR] [--folder NAME] [--dry-run] [--remove-discarded] USER NAME
//
// DESCRIPTION
//   check tells every mistake of the scripts as FILE:LINE:COLUMN: what is wrong and what would be
//   right.
//
//   test runs a script over a message, which is a file or - for standard input, and prints what
//   would be done with it, an action a line; nothing is done. Scripts that it includes are looked
//   for beside it, as NAME.sieve.
//
//   --from        the envelope's sender; by default that of Return-Path, else of From. An empty one
//                 is the null sender of reports.
//   --to          the envelope's recipient; by default that of Delivered-To, else of To
//   --mailbox     a mailbox that exists besides INBOX; may be given several times
//   --remembered  something that an earlier run remembers, as test prints it after `remember`
//
//   The other commands are about the scripts of a user, which lie where the setting sieve says, and
//   of which one may be active: the one that is run at delivery. list prints their names and sizes,
//   with a star before the active one. put takes a script from a file, or - for standard input, if
//   it has no mistakes.
//
//   run applies a script to the messages in INBOX, or in --folder, and tells what was done with
//   each. It files, flags and changes them; it sends nothing, refuses nothing, and what the script
//   discards stays, unless --remove-discarded is given. With --dry-run nothing is done.
//
// EXIT STATUS
//   0 no mistake, 1 the run failed, there is no such user or script, or a file can't be read, 64
//   wrong arguments, 65 the script has mistakes, 78 the configuration is wrong.
//
// STANDARDS  RFC 5228, and those of the extensions in ../../store/sieve/extensions.cpp
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int sieve(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
