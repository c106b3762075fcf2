// Sets up this host as a mail host: asks what it must know, shows what it would write, and does it.
//
// SYNOPSIS
//   pennypost setup [-c DIR] [--role null-client|relay|destination] [--hostname NAME]
//     [--domain NAME] [--relayhost HOST] [--networks LIST] [--user ADDRESS]
//     [--certificate FILE --key FILE] [--set NAME=VALUE]... [--autoconfig DIRECTORY]
//     [--yes] [--dry-run] [--no-start]
//
// DESCRIPTION
//   What no option says is asked for on a terminal; elsewhere it stays as it is now, or gets its
//   default. In turn:
//
//   1. shows the change of main.toml as a diff, the ports that it opens and closes, and the
//      directories and files that other settings would now name
//   2. asks whether to go on, unless --yes was given; with --dry-run it ends here
//   3. makes a self-signed certificate where the host needs one and none is named: that of certbot
//      for this name in /etc/letsencrypt/live is proposed if there is one
//   4. writes main.toml, builds the tables of aliases, makes DKIM keys for the domain, and adds the
//   first user, whose password is
//      asked for (the first line of standard input where that is no terminal)
//   5. checks all of it as pennypost check does, and starts or reloads the daemons, by systemd
//   where
//      the package's units are installed
//   6. sends a message to the first user, or else to postmaster, and tells what became of it
//   7. prints the DNS records to publish
//   8. with --autoconfig, writes into DIRECTORY the files by which mail clients set themselves up
//      (pennypost-autoconfig(8)), for a web server to serve
//
//   A second run with the same answers changes nothing and says so.
//
// EXIT STATUS
//   0; 1 a step failed, or the message did not arrive; 64 wrong arguments; 78 the configuration
//   that the answers make is wrong: nothing was written.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int setup(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
