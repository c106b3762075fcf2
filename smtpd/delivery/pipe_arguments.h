// Makes the arguments of a [transport.NAME] of kind pipe for one delivery.
//
// An argument that names something of the recipient (${recipient}, ${original_recipient}, ${user},
// ${extension}, ${mailbox}, ${domain}) is repeated for each recipient; any other stands once. What
// a macro stands for is never looked at again, so that a `$` or a blank in an address means
// nothing. An argument with ${user} is left out for a recipient whose user is empty, as in Postfix.
//
// Flags: h and u fold the domain and the local part to lower case, q quotes local parts.
//
// SEE ALSO   ../../common/config/transports.h (the notation), pipe.h
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

/// `envelope`: with the sender and the recipients of this delivery.
std::vector<std::string> pipe_arguments(const PipeCommand& pipe, const Envelope& envelope,
                                        const std::string& next_hop,
                                        const std::string& recipient_delimiter);

/// The sender as ${sender} and the fields show it, without quotes.
std::string pipe_sender(const PipeCommand& pipe, const std::string& sender);

}  // namespace pennypost::smtp
