// Builds the log lines of a client's TLS with next hops.
//
// SEE ALSO   log.h (all other lines, and a server's)
#pragma once

#include <string>
#include <string_view>

namespace pennypost {

/// What a handshake came to.
struct LogTls {
  std::string_view trust;   ///< Anonymous, Untrusted, Trusted or Verified
  std::string_view target;  ///< `mx.example.net[192.0.2.7]:25`
  std::string protocol;     ///< `TLSv1.3`
  std::string cipher;
  int bits = 0;
  std::string details;  ///< `key-exchange X25519 …`; may be empty
};

/// `smtp: Verified TLS connection established to mx[192.0.2.7]:25: TLSv1.3 with cipher X (256/256
/// bits) key-exchange X25519 …`
void log_tls_to(std::string_view component, const LogTls& tls);
/// `smtp: certificate verification failed for mx[192.0.2.7]:25: self-signed certificate`
void log_certificate_problem(std::string_view component, std::string_view target,
                             std::string_view problem);

}  // namespace pennypost
