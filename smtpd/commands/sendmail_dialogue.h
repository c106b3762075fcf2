// Speaks SMTP on standard input and output and submits the messages to the queue: `sendmail -bs`.
//
// This is for programs that speak SMTP to a child process. There is no client to check, since the
// user is known; messages are submitted as by sendmail, over the queue's socket or by postdrop.
// Commands: HELO, EHLO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT; extensions: SIZE, 8BITMIME,
// SMTPUTF8, ENHANCEDSTATUSCODES.
//
// It shares parsers, replies and the scanner of DATA with smtpd, but not its Session, which waits
// for other processes on a loop, while sendmail blocks and starts without the store.
//
// LIMITS  dialogue_line_bytes_max a command, message_size_limit a message,
// submission_recipients_max
//
// STANDARDS  RFC 5321
#pragma once

#include <iosfwd>
#include <string>

#include "common/config/config.h"

namespace pennypost::smtp {

inline constexpr std::size_t dialogue_line_bytes_max = 4096;

/// Runs until QUIT or the end of input. Returns the exit status, 0.
int sendmail_dialogue(const Config& config, const std::string& config_directory, std::istream& in,
                      std::ostream& out);

}  // namespace pennypost::smtp
