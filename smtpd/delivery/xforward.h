// Writes the XFORWARD commands by which a next hop learns whose mail it gets.
//
// STANDARDS  Postfix's XFORWARD_README; RFC 3461 section 4 (xtext)
// SEE ALSO   ../inbound/forwarded.h (who reads them)
#pragma once

#include <string>
#include <vector>

#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// The commands, without line ends, each within the 512 bytes of RFC 5321 section 4.5.3.1.4;
/// `offered` are the attributes that the server takes, in upper case. None where there is nothing
/// to say.
std::vector<std::string> xforward_commands(const Envelope& envelope,
                                           const std::vector<std::string>& offered);

}  // namespace pennypost::smtp
