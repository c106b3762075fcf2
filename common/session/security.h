// Who is at the other end and how the bytes travel in; whether a password may pass in the clear
// out.
//
// A connection is secure when it is encrypted, or when it comes from the host's own address: then
// nobody in between can listen (as in Dovecot; `telnet localhost 143` keeps working).
//
// STANDARDS  RFC 8314 section 3, RFC 9051 section 11.1, RFC 4954 section 4
#pragma once

#include "common/net/address.h"

namespace pennypost {

/// True when the peer is this host: a loopback address, or the very address it connected to.
bool is_same_host(const IpAddress& peer, const IpAddress& local);

/// What decides whether a dialogue may carry secrets.
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
