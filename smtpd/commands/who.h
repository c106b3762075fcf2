// `pennypost who` shows who is logged in now; `pennypost kick` ends sessions.
//
// SYNOPSIS
//   pennypost who [-c DIR] [-1] [--json] [MASK]...
//   pennypost kick [-c DIR] MASK...
//
// DESCRIPTION
//   Sessions are those of IMAP and POP3, and those of SMTP whose client has logged in. A MASK is a
//   user's login, with * for any text and ? for any character, or an IP address or network; users
//   and addresses narrow each other down: `who '*@example.org' 192.0.2.0/24`.
//
//   who prints a line for each user and service: the login, how many sessions, the service, the
//   processes, the addresses. -1 prints a line for each session, --json an object for each.
//
//   kick ends the sessions at once, as if the connection were cut: a command under way has no
//   answer, a POP3 session removes nothing. Clients that still know a valid password come back;
//   `pennypost user block --logins` keeps them out.
//
//   Both ask the running daemons, which answer root and their own user.
//
// EXIT STATUS
//   0; 64 wrong arguments; 68 kick has found no session; 75 a daemon did not answer; 77 not
//   permitted; 78 the configuration is wrong.
//
// SEE ALSO  ../../common/net/session_list.h
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int who(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int kick(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
