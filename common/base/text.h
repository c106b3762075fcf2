// Provides the ASCII text functions that every protocol parser needs: splitting, trimming,
// comparing, numbers.
//
// Nothing depends on the locale: letters are A-Z and a-z, blanks are space and tab.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_space(char c) {
  return is_blank(c) || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

/// Appends all `parts`, texts and characters, without temporary strings.
template <class... Parts>
void add(std::string& out, const Parts&... parts) {
  ((out += parts), ...);
}

std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool equal_nocase(std::string_view a, std::string_view b);
bool starts_with_nocase(std::string_view text, std::string_view prefix);
bool ends_with_nocase(std::string_view text, std::string_view suffix);
/// The position of `needle` in `text`, ignoring ASCII case; npos if it is not in it.
std::size_t find_nocase(std::string_view text, std::string_view needle);
bool is_ascii(std::string_view text);

/// The text without white space at both ends.
std::string_view trim(std::string_view text);
/// Splits at every `separator`; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);
/// Splits at runs of any of `separators`, without empty pieces (Postfix's list notation).
std::vector<std::string_view> words(std::string_view text,
                                    std::string_view separators = " \t\r\n,");
std::string join(const std::vector<std::string>& pieces, std::string_view between);

/// A decimal number without sign, blanks or anything else; nothing if it does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// Text from outside, made safe for a log, terminal or reply: printable UTF-8; other octets become
/// `?`.
std::string printable(std::string_view text, std::size_t max = 1000);

std::string base64_encode(std::string_view bytes);
/// RFC 4648 section 4; nothing if the text is not canonical base64. White space is refused.
std::optional<std::string> base64_decode(std::string_view text);
std::string hex_encode(std::string_view bytes);

}  // namespace pennypost
