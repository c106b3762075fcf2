// Checks Sieve scripts, and shows what they would do with a message.
//
// SYNOPSIS
//   pennypost sieve check [-c DIR] FILE...
//   pennypost sieve test [-c DIR] [--from ADDRESS] [--to ADDRESS] [--mailbox NAME]...
//     [--remembered KEY]... FILE MESSAGE
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
// EXIT STATUS
//   0 no mistake, 1 the run failed or a file can't be read, 64 wrong arguments, 65 the script has
//   mistakes, 78 the configuration is wrong.
//
// STANDARDS  RFC 5228, and those of the extensions in ../../store/sieve/extensions.cpp
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int sieve(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
