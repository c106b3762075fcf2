// Looks for what keeps mail from arriving, here and as others see this host, and says what to do.
//
// SYNOPSIS
//   pennypost doctor [-c DIR] [--json] [--all] [--offline] [--probe DOMAIN] [--mail] [--watch]
//     [DOMAIN]
//
// DESCRIPTION
//   Each finding has a level (problem, warning, note), what is wrong, why it matters, and the line
//   to type or the record to publish; with --all also what is well. It looks at
//
//   settings      as pennypost check, and whether the daemons run
//   certificate   names, chain, days left
//   disk, clock   room and inodes where queue and mail lie; whether a time server keeps the clock
//   queue         mail that waits for hours, by destination, and what its reason calls for
//   dns           A, AAAA and PTR of this host, both ways; MX, SPF, DKIM and DMARC of DOMAIN
//                 (default: mydomain); TLSA records
//   block lists   whether one holds a public address of this host
//   relaying      whether a stranger may send mail elsewhere through this host
//   way out       whether the relayhost, or the mail host of --probe (default: gmail.com), greets
//   us
//
//   --offline     asks nobody else: the last four are left out
//   --json        an object a line: level, area, what, why, remedy
//   --mail        mails postmaster what was not found by the last run with --mail, and prints
//   nothing;
//                 for pennypost-doctor.timer, which does it daily
//   --watch       looks again each minute, and prints what has come and what has gone, until
//   nothing
//                 is left or it is interrupted
//
// FILES
//   $data_directory/doctor.findings: what the last run with --mail found
//
// EXIT STATUS
//   0 nothing worse than a note, 1 a problem or a warning, 64 wrong arguments, 78 the configuration
//   is wrong.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

inline constexpr int doctor_watch_seconds = 60;

int doctor(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
