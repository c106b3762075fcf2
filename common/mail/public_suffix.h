// Distinguishes domains under which anybody may register a name (com, co.uk) from domains with an
// owner.
//
// STANDARDS none; the Public Suffix List, from libpsl
#pragma once

#include <string>
#include <string_view>

namespace pennypost {

/// True for com and co.uk, false for example.com; also true for a single label that is not in the
/// list. Case and the Unicode form of a name do not matter.
bool is_public_suffix(std::string_view domain);

/// The domain just below the public suffix: example.co.uk for a.b.example.co.uk; `domain` itself if
/// it is a public suffix. In lower case.
std::string organizational_domain(std::string_view domain);

/// Whether a name is the domain or below it; case does not matter.
bool is_within_domain(std::string_view name, std::string_view domain);

}  // namespace pennypost
