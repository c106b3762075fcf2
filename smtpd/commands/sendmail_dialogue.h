// Speaks SMTP on standard input and output and hands the messages to the queue: `sendmail -bs`.
//
// For programs that speak SMTP to a child process. There is no client to be checked: the user is
// known, so each message goes the way of sendmail's own, by the queue's socket or postdrop. HELO,
// EHLO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT; SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES.
//
// Parsers, replies and the scanner of DATA are those of smtpd. Its Session is not: that waits for
// other processes on a loop, while sendmail blocks and starts without the store.
//
// LIMITS  dialogue_line_bytes_max a command, message_size_limit a message, posting_recipients_max
//
// STANDARDS  RFC 5321
#pragma once

#include <iosfwd>
#include <string>

#include "common/config/config.h"

namespace pennypost::smtp {

inline constexpr std::size_t dialogue_line_bytes_max = 4096;

/// Until QUIT or the end of input; 0.
int sendmail_dialogue(const Config& config, const std::string& config_directory, std::istream& in,
                      std::ostream& out);

}  // namespace pennypost::smtp
