// Writes and reads numbers in as few octets as they need, seven bits in each, the lowest first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost::store {

inline void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

/// Takes a number from the front; nothing if the text ends within it, or it has more than 63 bits.
inline std::optional<std::uint64_t> take_varint(std::string_view& text) {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 63 && !text.empty(); shift += 7) {
    auto octet = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    number |= static_cast<std::uint64_t>(octet & 0x7f) << shift;
    if (octet < 0x80) return number;
  }
  return std::nullopt;
}

}  // namespace pennypost::store
