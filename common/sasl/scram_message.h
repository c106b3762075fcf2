// Parses the attributes of SCRAM messages (RFC 5802 section 7), for server and client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace pennypost {

/// `n,,n=user,r=nonce`; names with `=2C` and `=3D` decoded.
struct ScramClientFirst {
  std::string header;         // `n,,`: up to and with the second comma
  std::string channel;        // `n`, `y` or `p=NAME`
  std::string authorization;  // a=, or empty
  std::string bare;           // what follows the header
  std::string login;
  std::string nonce;
  static Result<ScramClientFirst> parse(std::string_view message);
};

/// `r=nonce,s=salt,i=iterations`.
struct ScramServerFirst {
  std::string nonce;
  std::string salt;  // decoded
  std::uint32_t iterations = 0;
  static Result<ScramServerFirst> parse(std::string_view message);
};

/// `c=binding,r=nonce,p=proof`.
struct ScramClientFinal {
  std::string binding;  // decoded
  std::string nonce;
  std::string proof;  // decoded
  std::string without_proof;
  static Result<ScramClientFinal> parse(std::string_view message);
};

/// A name as SCRAM writes it: `,` and `=` encoded.
std::string scram_encode_name(std::string_view name);

}  // namespace pennypost
