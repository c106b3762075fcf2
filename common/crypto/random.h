// Makes random bytes and identifiers, digests, and comparisons in constant time.
#pragma once

#include <string>
#include <string_view>

namespace pennypost {

/// Must be called before a chroot and before the first use in a process; cheap when repeated.
void prepare_crypto();

std::string random_bytes(std::size_t count);
/// Letters and digits, `count` of them: 5.9 bits each.
std::string random_text(std::size_t count);

/// SHA-256 and HMAC-SHA-256 (RFC 6234): 32 bytes.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Takes a time that does not depend on where the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace pennypost
