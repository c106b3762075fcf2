// Parses the PROXY protocol header, in which a proxy names the client that it connects for.
//
// Version 1 is a line (`PROXY TCP4 192.0.2.7 192.0.2.1 4711 25`), version 2 is binary; their first
// bytes distinguish them. `PROXY UNKNOWN` and version 2's LOCAL mean the proxy itself.
//
// STANDARDS  The PROXY protocol, versions 1 and 2 (haproxy.org)
// LIMITS     proxy_header_bytes_max, proxy_header_limit
#pragma once

#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "common/net/address.h"
#include "common/net/connection.h"

namespace pennypost {

inline constexpr std::size_t proxy_header_bytes_max = 1024;  // TLVs are skipped
inline constexpr Duration proxy_header_limit{5000};          // for the whole header

struct ProxyHeader {
  std::size_t bytes = 0;  // the length of the header
  bool is_local = false;  // a connection of the proxy itself: no addresses
  Endpoint client{IpAddress::loopback4(), 0};
  Endpoint server{IpAddress::loopback4(), 0};
};

/// Nothing if `bytes` is only the beginning of a header; an Error if it can't become one.
Result<std::optional<ProxyHeader>> parse_proxy_header(std::string_view bytes);

/// Reads the header and no byte beyond it. Throws Disconnected (Timeout) after
/// proxy_header_limit.
Task<Result<ProxyHeader>> read_proxy_header(Connection& connection);

}  // namespace pennypost
