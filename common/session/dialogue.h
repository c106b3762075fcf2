// Plays a dialogue script over a stream and reports where the other side deviates from it; for
// tests.
//
// The same scripts run against memory streams and against real sockets. One line is one step:
//
//   C: EHLO client.example     sends the line with CRLF; `C:` alone sends an empty line
//   C> a\r\nb                  sends bytes as they are; \r \n \t \0 \\ \xHH are understood
//   S: 250 2.0.0 Ok            the next line must be exactly this
//   S~ 250 2.0.0 Ok: queued    the next line must begin with this
//   S* 250                     lines that begin so followed by - are skipped, up to the one with a
//                              blank: a reply of several lines
//   S!                         the other side closes
//   TLS                        a handshake as client; the certificate is not checked
//   # …                        a comment; empty lines are skipped
#pragma once

#include <string>
#include <string_view>

#include "common/net/connection.h"

namespace pennypost {

/// Plays the script; the connection stays open unless the script saw it end. Returns an empty text
/// if all was as expected, else `line N: expected …, got …`.
Task<std::string> play(Connection& connection, std::string script);

}  // namespace pennypost
