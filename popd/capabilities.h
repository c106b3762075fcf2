// What a session may do now in, the lines of CAPA out.
//
// STANDARDS  RFC 2449 (CAPA, RESP-CODES, PIPELINING, EXPIRE, IMPLEMENTATION), RFC 3206
// (AUTH-RESP-CODE),
//            RFC 2595 (STLS), RFC 5034 (SASL)
#pragma once

#include <string>
#include <vector>

namespace pennypost::pop {

struct Offer {
  bool starttls = false;
  bool user = false;                         // USER and PASS are allowed now
  std::vector<std::string> sasl_mechanisms;  // empty: no SASL
};

/// The whole reply, with `+OK` and the final dot.
std::string capabilities(const Offer& offer);

}  // namespace pennypost::pop
