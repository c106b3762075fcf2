#include "common/base/percent.h"

#include "common/base/text.h"

namespace pennypost {
namespace {

/// -1 if it is no hexadecimal digit.
int value_of_digit(char c) {
  if (is_digit(c)) return c - '0';
  char small = to_lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

}  // namespace

std::string percent_encode(std::string_view text, std::string_view plain) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto octet = static_cast<unsigned char>(c);
    if (is_alnum(c) || plain.find(c) != plain.npos) {
      out += c;
    } else {
      add(out, '%', digits[octet >> 4], digits[octet & 15]);
    }
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return {};
    int high = value_of_digit(text[i + 1]);
    int low = value_of_digit(text[i + 2]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace pennypost
