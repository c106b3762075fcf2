// Parses the text of a transport or next hop: `relayhost`, `default_transport`, a transport table's
// value.
//
//   transport = [NAME] [":" next-hop]            smtp:[mx.example.com]:587   error:5.7.1 text
//   next-hop  = host [":" port]                  MX records are looked up
//             | "[" host-or-address "]" [":" port]   they are not
//   port      = number | service name (smtp, submission, submissions)
//
// For LMTP, where no MX records are looked up:
//   next-hop  = "unix:" path                     a path in queue_directory, or an absolute one
//             | ["inet:"] host-or-address [":" port]
//             | ["inet:"] "[" host-or-address "]" [":" port]
//
// STANDARDS  none; Postfix's transport(5)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost::smtp {

struct NextHop {
  std::string host;  // a name, or an address without brackets
  bool looks_up_mx = true;
  std::uint16_t port = 0;  // 0: smtp_target_port
  std::string socket;      // LMTP: the path of a Unix socket; then there is no host

  /// Error 451 4.3.5 says what is wrong and what would be right.
  static Result<NextHop> parse(std::string_view text);
  /// The same for LMTP.
  static Result<NextHop> parse_lmtp(std::string_view text);
  /// `example.com`, `[mx.example.com]:587`, `unix:private/lmtp`.
  std::string text() const;
};

struct TransportName {
  std::string name;      // smtp, local, error …; empty: the default for this kind of address
  std::string next_hop;  // or the text of error: or retry:; may be empty

  static TransportName parse(std::string_view text);
};

}  // namespace pennypost::smtp
