// Fetches a small document by HTTPS from a server that may be hostile, or hands one to it.
//
// The addresses come from the caller, so that our own resolver and its limits apply. No redirect is
// followed and no proxy asked; the certificate must be valid for the host. What the server sends
// beyond the limit ends the transfer.
//
// LIMITS     Fetch::bytes_max, Fetch::limit; header_bytes_max of libcurl itself (300 KiB)
// STANDARDS  RFC 9110, RFC 8461 section 3.3 (how MTA-STS policies are fetched),
//            RFC 8460 section 5.4 (how TLS reports are posted)
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost {

struct HttpsFetch {
  std::string host;
  std::string path;  // begins with a slash
  std::vector<IpAddress> addresses;
  std::string ca_file;                      // PEM; empty: the system's authorities
  std::chrono::milliseconds limit{20'000};  // for all of it
  std::size_t bytes_max = 64 * 1024;
  std::uint16_t port = 443;
  std::string posted_type;  // `application/tlsrpt+gzip`: `posted` is sent by POST; empty: GET
  std::string posted;
};

struct HttpsReply {
  int status = 0;          // 200
  std::string media_type;  // `text/plain`, in lower case, without its parameters
  std::string body;
};

/// Blocks. Errors are temporary: no connection, a bad certificate, too slow, too large.
Result<HttpsReply> fetch_by_https(const HttpsFetch& what);

}  // namespace pennypost
