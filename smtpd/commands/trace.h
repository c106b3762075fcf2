// Shows dialogues with clients and servers while they happen.
//
// SYNOPSIS
//   pennypost trace [-c DIR] [--client ADDRESS] [--user NAME] [--destination HOST|DOMAIN]
//                   [--seconds N]
//
// DESCRIPTION
//   Prints what clients say (C:) and hear (S:), of all sessions of smtpd, popd and imapd that come
//   from the IP address or belong to the user, the running ones from their next command on. With
//   both, sessions of that user from that address. A user is known once logged in.
//
//   --destination shows the other direction: what smtpd says (C:) to the servers of a domain, or to
//   the one of that name or address, and what they answer (S:). It may be given beside the others.
//
//   Passwords and the responses of AUTH are not shown, nor lines that are no command, which may be
//   such; of a long answer only the beginning. Messages themselves are not shown. Only
//   root, and the user as whom the daemons run, may watch, at most four at a time; the log says
//   that somebody does.
//
//   --seconds   how long, 60 if not given, at most 3600; Ctrl-C ends it earlier
//
// EXIT STATUS
//   0, 3 no daemon runs, 64 wrong arguments, 75 a daemon can't be asked, 77 not permitted, 78 the
//   configuration is wrong.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int trace(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
