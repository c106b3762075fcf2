// `pennypost auth test` checks a login as the daemons would, and shows whose mail it leads to.
//
// SYNOPSIS
//   pennypost auth test [-c DIR] [-o NAME=VALUE]... [--client ADDRESS]
//                       [--service imap|pop3|smtp|sieve] USER [PASSWORD]
//
// DESCRIPTION
//   Without PASSWORD it is asked for; if standard input is no terminal, its first line is the
//   password. An argument can be seen by other users of the host (ps).
//
//   The check is the one of the auth processes: own users, then system users by PAM or shadow, and
//   what the admin forbids: blocked users, and the fields disabled and allow_nets. App passwords
//   are tried, too, and the one that was right is named. It is made here and not in the daemons, so
//   that wrong passwords are not counted against anybody. Only root, and auth_user as long as there
//   are no system users, can read credentials.
//
//   --client  the address from which the user seems to come, for PAM's modules and allow_nets;
//             without it 127.0.0.1 is asked for in allow_nets
//   --service for what the user logs in; without it an app password may be for any service
//
// EXIT STATUS
//   0 the login is right; 64 wrong arguments; 75 it can't be told now; 77 it is wrong, or blocked;
//   78 the configuration is wrong.
//
// SEE ALSO  ../../store/accounts/authenticator.h
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int auth_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
