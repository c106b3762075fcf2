// Checks UTF-8 text and makes its normal forms (by libunistring).
//
// STANDARDS  RFC 3629 (UTF-8), Unicode Standard Annex 15 (NFC), section 3.13 (case folding)
#pragma once

#include <string>
#include <string_view>

namespace pennypost {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// UTF-8 in NFC; `text` itself where it is no UTF-8.
std::string nfc(std::string_view text);

/// Whether all that is not ASCII in it are letters, marks and numbers: nothing invisible, no
/// punctuation, nothing that turns the direction of writing. False: it is no UTF-8.
bool is_words(std::string_view text);

/// Lower case in NFC; what is not UTF-8 is lowered as ASCII and else left alone.
std::string unicode_lower(std::string_view text);

/// The form in which texts are compared without case: full case folding of the compatibility
/// decomposition, so that a superset of what i;unicode-casemap (RFC 5051) finds equal is equal.
/// What is not UTF-8 is lowered as ASCII.
std::string casefold(std::string_view text);

}  // namespace pennypost
