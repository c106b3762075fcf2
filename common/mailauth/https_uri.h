// Takes an https: URI apart into the host, the port and the rest that a request for it names.
//
// It comes from strangers, so it names no user and no address, has no fragment, and holds nothing
// that could end a line of the request.
//
// LIMITS     https_uri_bytes_max
// STANDARDS  RFC 3986 sections 3.2 to 3.4, RFC 9110 section 4.2.2 (the scheme)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

inline constexpr std::size_t https_uri_bytes_max = 2000;

struct HttpsUri {
  std::string host;  // in lower case
  std::uint16_t port = 443;
  std::string path;  // begins with a slash; with the query
};

/// Error 501: it is none, or beyond what is said above.
Result<HttpsUri> parse_https_uri(std::string_view text);

}  // namespace pennypost
