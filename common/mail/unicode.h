// UTF-8 text in, its checks and normal forms out (by libunistring).
//
// STANDARDS  RFC 3629 (UTF-8), Unicode Standard Annex 15 (NFC), section 3.13 (case folding)
#pragma once

#include <string>
#include <string_view>

namespace pennypost {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// Lower case in NFC; what is not UTF-8 is lowered as ASCII and else left alone.
std::string unicode_lower(std::string_view text);

/// The form in which texts are compared without case: full case folding of the compatibility
/// decomposition, so that a superset of what i;unicode-casemap (RFC 5051) finds equal is equal.
/// What is not UTF-8 is lowered as ASCII.
std::string casefold(std::string_view text);

}  // namespace pennypost
