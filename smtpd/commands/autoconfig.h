// `pennypost autoconfig`: writes the files by which mail clients set themselves up.
//
//   pennypost autoconfig [-c DIR] [--domain DOMAIN]... DIRECTORY
//
// DIRECTORY is what a web server serves at autoconfig.DOMAIN, autodiscover.DOMAIN and DOMAIN itself
// (https). The files are the same for all domains:
//   mail/config-v1.1.xml and .well-known/autoconfig/mail/config-v1.1.xml   Thunderbird
//   autodiscover/autodiscover.xml                                         Outlook
//   mail/DOMAIN.mobileconfig                                              Apple's devices
// Without --domain they are mydomain and the domains of domains_map. Files that are there are
// replaced. Nothing is written where no port offers TLS, since no client should send a password
// without. Type them as text/xml, and application/x-apple-aspen-config.
//
// DIAGNOSTICS
//   Exit status 0; 1 if something can't be written or nobody could log in, 64 for wrong arguments,
//   78 for a wrong configuration.
//
// SEE ALSO   ../../common/config/client_settings.h, setup.h
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

/// Runs the command with the arguments after its name.
int autoconfig(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
