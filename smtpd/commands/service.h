// Starts, stops, reloads and checks the daemons of this host.
//
//   pennypost start | stop | reload | status | check     [-c DIR]
//   pennypost status --metrics                           [-c DIR]
//   pennypost check --stored                             [-c DIR]
//
// The daemons are smtpd, and popd and imapd if `protocols` has them and the role has mailboxes.
// Their programs are in the directory of the pennypost program. A service manager is better than
// `start`; the commands are for hosts without one, for tests, and for trying things out.
//
// `check --stored` is for the time before an upgrade: unpack the new version beside the old one and
// run it from there. It says of the queue, the tables, the lists of UIDs and the indexes in which
// form they are, and whether the new version reads them as they are, converts them, or refuses
// them; it changes nothing.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Checks everything and reports what is wrong (host_check.h); with --stored, what this version
/// would do with what is stored (stored_check.h). Returns 0 if all is well, perhaps
/// with warnings; 78.
int check_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Starts the daemons that do not run and waits until every process serves. Returns 0, or 1 and
/// reports which do not, and why.
int start_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Makes each daemon drain, and waits for its end.
int stop_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Ends each daemon at once, as a power cut would: what has been accepted stays in the queue.
int abort_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Checks the configuration, then makes all daemons use it, or none (reload.h). Returns 0, or 1 and
/// reports what is wrong for each daemon. A daemon that the configuration no longer includes ends.
int reload_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// Prints a line for each daemon. Returns 0 if all run, 3 if one does not (as the LSB specifies).
/// With --metrics: the figures of all that run, in Prometheus' form (figures.h).
int status_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
