// Tells where mail to an address would go, and what a client that sends it would be told: each
// step, with the entry of a table or the setting that decides. No mail is sent.
//
// SYNOPSIS
//   pennypost route [-c DIR] [--from SENDER] [--client ADDRESS] [--helo NAME] [--login NAME]
//     [--service NAME] ADDRESS
//
// DESCRIPTION
//   With --client the restrictions are evaluated as for a client with that IP address, which greets
//   with --helo (default: its name) and sends from --from (default: <>); --login: it has logged in
//   as that user; --service: at that service (default smtp). Each restriction is shown with what it
//   says, then the answer at RCPT. Policy servers are not asked, since they may count what they are
//   asked: check_policy_service leaves it to the next.
//
//   Then each step of the way: what the address expands to, by which entry of which table
//   (FILE:LINE for text files), down to the mailbox, command or next hop. Tables of passwords are
//   not shown.
//
//   The code that routes mail decides, with the tables as they are now. What .forward files say is
//   not shown: the recipient's process reads them at delivery.
//
// EXIT STATUS
//   0 mail would be taken and has a way, 1 it would be refused, returned or put off, 64 wrong
//   arguments, 78 the configuration is wrong.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

inline constexpr std::size_t route_steps_max = 1000;

int route(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
