// Makes a self-signed certificate, so that a host can offer TLS before it has one from an
// authority.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace pennypost {

inline constexpr int self_signed_days = 3650;

struct SelfSigned {
  std::string certificate;  // PEM
  Secret key;               // PEM, unencrypted
};

/// An ECDSA certificate (P-256) for these host names, of which there must be one, valid from now
/// for self_signed_days. Error: OpenSSL refused; a name is longer than 255 octets.
Result<SelfSigned> make_self_signed(const std::vector<std::string>& names);

}  // namespace pennypost
