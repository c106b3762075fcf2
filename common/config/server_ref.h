// Parses where a server that helps us decide about mail listens, with settings of its own:
// `inet:127.0.0.1:10023`, `unix:/run/filter.sock`, `{ inet:localhost:10023, timeout = 10s }`.
//
// STANDARDS  Postfix's SMTPD_POLICY_README and MILTER_README
// SEE ALSO   policy_service.h (who uses it), ../../smtpd/inbound/proxy_filter.h (who does, too)
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

struct ServerRef {
  std::string path;  ///< of a Unix socket, absolute or relative to queue_directory; empty: TCP
  std::string host;  ///< for TCP: a name or an address
  std::uint16_t port = 0;
  std::map<std::string, std::string, std::less<>> options;  ///< those given in braces

  /// `options`: the names that braces may hold. `inet:10023` means localhost. Error: what is wrong,
  /// and what would be right.
  static Result<ServerRef> parse(std::string_view text, std::span<const std::string_view> options);

  /// For smtpd_proxy_filter, where `inet:` may be left out and nothing stands in braces.
  static Result<ServerRef> parse_filter(std::string_view text);

  bool is_unix() const { return !path.empty(); }
  /// As log lines name it: `127.0.0.1:10023`, `/run/filter.sock`.
  std::string name() const;
};

}  // namespace pennypost
