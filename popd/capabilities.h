// Writes the answer to CAPA: what the server can do, and how the client may log in now.
//
// STANDARDS  RFC 2449 (CAPA, RESP-CODES, PIPELINING, LOGIN-DELAY, EXPIRE, IMPLEMENTATION),
//            RFC 3206 (AUTH-RESP-CODE), RFC 2595 (STLS), RFC 5034 (SASL), RFC 6856 (UTF8, LANG)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::pop {

/// How a client may log in now; after login there is nothing to offer.
struct Offer {
  bool starttls = false;
  bool user = false;                         // USER and PASS are allowed now
  std::vector<std::string> sasl_mechanisms;  // empty: no SASL
};

/// The whole reply, with `+OK` and the final dot.
std::string capabilities(const Offer& offer, const Settings& settings);

}  // namespace pennypost::pop
