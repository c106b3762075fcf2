// Encodes code points.
#include "store/sieve/utf8.h"

#include "common/base/text.h"

namespace pennypost::store::sieve {

void cut_utf8(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  std::size_t end = bytes_max;
  while (end > 0 && continues_character(text[end])) --end;
  text.resize(end);
}

bool has_unicode_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_control(text[i])) return true;
    // U+0080 to U+009F
    bool is_upper =
        text[i] == '\xc2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (is_upper) return true;
  }
  return text.find("\u2028") != text.npos || text.find("\u2029") != text.npos;
}

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr std::uint32_t marks[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(marks[more] | point >> (6 * more));
  while (more-- > 0) out += static_cast<char>(0x80 | (point >> (6 * more) & 0x3f));
}

std::optional<std::uint64_t> hex_number(std::string_view digits) {
  if (digits.empty() || digits.size() > 8) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : digits) {
    char folded = to_lower(c);
    if (!is_digit(c) && (folded < 'a' || folded > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(is_digit(c) ? c - '0' : folded - 'a' + 10);
  }
  return value;
}

}  // namespace pennypost::store::sieve
