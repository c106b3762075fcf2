// The daemons of this host in; started, stopped, reloaded, or looked at, out.
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

/// Reads everything and says what is wrong: settings, certificates, users, tables. 0: all is
/// well; 78.
int check_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Starts what does not run; answers when each is ready. 0, or 1 with the daemon's own words.
int start_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Asks each to drain, and waits for its end.
int stop_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Checks the configuration, then sends SIGHUP; a wrong one is not sent at all.
int reload_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// A line a daemon; 0 when all run, 3 when one does not (as LSB has it).
int status_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
