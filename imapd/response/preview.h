// Makes the text by which a list of messages shows what is in each: the first words of its body.
//
// STANDARDS  RFC 8970 section 3.3
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost::imap {

/// RFC 8970 section 3.3: at most so many characters, and as many are looked for.
inline constexpr std::size_t preview_characters = 200;
/// More octets of a body are not looked at.
inline constexpr std::size_t preview_octets_max = 64 << 10;

/// `body` is a text part in UTF-8, cut where it is longer than preview_octets_max. Runs of blanks
/// and line ends become one space; quoted lines (`> `) and their introduction are passed over if
/// anything else follows. Of HTML only the words that a reader sees are left.
std::string preview_of(std::string_view body, bool is_html);

}  // namespace pennypost::imap
