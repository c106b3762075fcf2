// What the tests of a session begin and end with: the dialogue up to a recipient, and QUIT.
#pragma once

#include <algorithm>
#include <string_view>

#include "smtpd/inbound/testing.h"

namespace pennypost::smtp {

/// Whether a line of the log is this one.
inline bool logged(const Stage& stage, std::string_view line) {
  auto lines = stage.log.lines();
  return std::ranges::find(lines, line) != lines.end();
}

/// From the greeting to a recipient of ours.
inline const char* const envelope_commands = R"(
  S: 220 mail.example.com ESMTP Pennypost
  C: EHLO client.example
  S* 250
  C: MAIL FROM:<ann@client.example>
  S: 250 2.1.0 Ok
  C: RCPT TO:<bob@example.com>
  S: 250 2.1.5 Ok
)";

inline const char* const quit_commands = R"(
  C: QUIT
  S: 221 2.0.0 Bye
  S!
)";

}  // namespace pennypost::smtp
