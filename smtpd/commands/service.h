// Starts, stops, reloads and checks the daemons of this host.
//
//   pennypost start | stop | reload | status | check     [-c DIR]
//
// Which daemons: smtpd always; popd and imapd where `protocols` names them and the role has
// mailboxes. They run from the directory that holds the pennypost program. A service manager does
// better than `start`; the commands are for hosts without one, for tests, and for a look.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Reads everything and says what is wrong (host_check.h). 0: all is well, perhaps with
/// warnings; 78.
int check_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Starts what does not run; answers when every process serves. 0, or 1 with what does not, and
/// why.
int start_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Asks each to drain, and waits for its end.
int stop_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Checks the configuration, then has all daemons take it, or none (reload.h). 0, or 1 with what
/// each has against it. A daemon that the configuration has no place for any more ends.
int reload_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// A line a daemon; 0 when all run, 3 when one does not (as LSB has it).
int status_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
