// Small steps over UTF-8 text: characters, code points, hex digits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost::store::sieve {

/// Whether the octet is within a character and does not begin one.
constexpr bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Cuts before the first character that would not fit into `bytes_max`.
void cut_utf8(std::string& text, std::size_t bytes_max);

/// Whether UTF-8 text has control characters, of ASCII or beyond, or the separators of lines and
/// paragraphs.
bool has_unicode_control(std::string_view text);

/// RFC 3629 section 3: 0 to 10FFFF without the surrogates.
constexpr bool is_code_point(std::uint64_t point) {
  return point <= 0x10ffff && (point < 0xd800 || point >= 0xe000);
}
void append_utf8(std::string& out, std::uint32_t point);

/// Up to eight hex digits; nothing if there are none, more, or anything else.
std::optional<std::uint64_t> hex_number(std::string_view digits);

}  // namespace pennypost::store::sieve
