// Tells domains under which anybody may register a name (com, co.uk) from those that belong to
// somebody.
//
// STANDARDS  none; the Public Suffix List as libpsl carries it
#pragma once

#include <string_view>

namespace pennypost {

/// True for com and co.uk, false for example.com; also true for a single label that the list does
/// not know. Letter case and a name's Unicode form do not matter.
bool is_public_suffix(std::string_view domain);

}  // namespace pennypost
