// Decides whether passwords may be sent in the clear on a connection.
//
// A connection is secure if it is encrypted, or comes from the host's own address, so that nobody
// in between can listen (as in Dovecot; `telnet localhost 143` keeps working).
//
// STANDARDS  RFC 8314 section 3, RFC 9051 section 11.1, RFC 4954 section 4
#pragma once

#include "common/net/address.h"

namespace pennypost {

/// Whether the peer is this host: a loopback address, or the same address that it has connected to.
bool is_same_host(const IpAddress& peer, const IpAddress& local);

/// What determines whether a dialogue may carry secrets.
struct Security {
  bool is_encrypted = false;
  bool is_same_host = false;

  bool is_secure() const { return is_encrypted || is_same_host; }
  /// For LOGIN, USER, AUTH PLAIN and AUTH LOGIN.
  bool allows_plaintext(bool disable_plaintext_auth) const {
    return is_secure() || !disable_plaintext_auth;
  }
};

}  // namespace pennypost
