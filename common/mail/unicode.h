// Checks UTF-8 text and makes its normal forms (with libunistring).
//
// STANDARDS  RFC 3629 (UTF-8), Unicode Standard Annex 15 (NFC), section 3.13 (case folding)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);
/// The octets at the front that are UTF-8: all, or those before the first that is not.
std::size_t utf8_octets(std::string_view text);

/// UTF-8 in NFC; `text` itself if it is not UTF-8.
std::string nfc(std::string_view text);

/// Whether all its non-ASCII characters are letters, marks and numbers: nothing invisible, no
/// punctuation, no change of the writing direction. False also if it is not UTF-8.
bool is_words(std::string_view text);

/// Lower case in NFC; for text that is not UTF-8, only ASCII letters change.
std::string unicode_lower(std::string_view text);

/// The form in which texts are compared ignoring case: full case folding of the compatibility
/// decomposition. All texts that are equal by i;unicode-casemap (RFC 5051) are equal, and some
/// more. In text that is not UTF-8, ASCII letters become lower case.
std::string casefold(std::string_view text);

}  // namespace pennypost
