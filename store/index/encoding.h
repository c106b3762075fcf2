// Encodes numbers in the index, and the states of messages that share a key.
//
//   block = *( low-bits8 flags8 keywords32 modseq64 )      ascending by UID, numbers big-endian
//
// A block holds the states of up to 64 messages whose UIDs differ only in their lowest bits.
// Decoding accepts any bytes: missing ones count as zeros.
//
// SEE ALSO   index.h (the keys), ../maildir/folder_snapshot.h (the state of a whole folder)
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "store/index/index.h"

namespace pennypost::store {

inline constexpr int block_bits = 6;

template <class Number>
void put_number(std::string& out, Number number) {
  for (int shift = (static_cast<int>(sizeof number) - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> shift & 255);
  }
}

template <class Number>
Number take_number(std::string_view& text) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number && i < text.size(); ++i) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(text[i]));
  }
  text.remove_prefix(std::min(sizeof number, text.size()));
  return number;
}

inline std::string block_value(const std::map<std::uint8_t, Index::State>& block) {
  std::string value;
  for (const auto& [low, state] : block) {
    put_number(value, low);
    put_number(value, state.flags.bits());
    put_number(value, state.keywords);
    put_number(value, state.modseq.value());
  }
  return value;
}

// Calls `each` with all states of a block, ascending.
template <class Each>
void for_each_state(std::uint32_t block, std::string_view value, const Each& each) {
  while (!value.empty()) {
    Uid uid(block << block_bits | take_number<std::uint8_t>(value));
    Flags flags(take_number<std::uint8_t>(value));
    auto keywords = take_number<KeywordSet>(value);
    each(Index::State{uid, flags, keywords, ModSeq(take_number<std::uint64_t>(value))});
  }
}

}  // namespace pennypost::store
