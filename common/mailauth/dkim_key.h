// Parses the DNS record that holds a DKIM public key, and looks it up.
//
// LIMITS     key_record_bytes_max, key_records_max, and those of PublicKey
// STANDARDS  RFC 6376 sections 3.6 and 6.1.2, RFC 8301, RFC 8463 section 4
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/crypto/signature.h"
#include "common/dns/resolver.h"

namespace pennypost {

inline constexpr std::size_t key_record_bytes_max = 8192;
inline constexpr std::size_t key_records_max = 8;  // TXT records at one name that are looked at

struct DkimKey {
  /// Nothing if the text does not claim to be a DKIM key. Error 550: it claims to be one, but is
  /// malformed, revoked, too weak, too large, or not for mail.
  static Result<std::optional<DkimKey>> parse(std::string_view text);

  PublicKey key;
  bool is_testing = false;    // t=y
  bool same_domain = false;   // t=s: i= must have the domain of d=, not one below it
  bool is_authentic = false;  // validated by DNSSEC
};

/// The key at `SELECTOR._domainkey.DOMAIN`. Error 451 if DNS gave no answer, 550 if there is no key
/// or no usable one.
Task<Result<DkimKey>> find_dkim_key(Resolver& resolver, std::string name);

}  // namespace pennypost
