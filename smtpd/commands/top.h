// Shows what the daemons are doing now, in a terminal.
//
// SYNOPSIS
//   pennypost top [-c DIR] [--once]
//
// DESCRIPTION
//   Sessions, logins, memory of each daemon; what comes in, is delivered, deferred, returned and
//   refused in a second; the messages of the queue by their age. Refreshed every 2 seconds; q ends
//   it.
//
//   --once    prints it once, with the rates of one second, and ends; so it does if the output is
//             no terminal
//
// EXIT STATUS
//   0, 3 no daemon runs, 64 wrong arguments, 78 the configuration is wrong.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int top(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
