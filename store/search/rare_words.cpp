#include "store/search/rare_words.h"

#include <functional>

#include "store/search/varint.h"

namespace pennypost::store {
namespace {

using Match = NeedlePiece::Match;

std::uint64_t hash_of(std::string_view word) { return std::hash<std::string_view>()(word); }

// What of a hash is kept, never 0; the lowest bit is free.
std::uint32_t mark_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32 | 2) & ~std::uint32_t{1};
}

}  // namespace

std::string rare_folder_key(const WordFolder& folder) { return 'R' + folder_key(folder).substr(1); }

std::string rare_blocks_key(const WordFolder& folder) { return 'R' + blocks_key(folder).substr(1); }

std::string rare_block_key(const WordFolder& folder, std::uint32_t block) {
  return 'R' + block_key(folder, block).substr(1);
}

std::string encode_rare_words(const std::vector<RareWords>& lists) {
  std::string out;
  std::uint32_t uid = 0;
  for (const auto& list : lists) {
    append_varint(out, list.uid.value() - uid);
    append_varint(out, list.text.size());
    out += list.text;
    uid = list.uid.value();
  }
  return out;
}

std::optional<std::vector<RareWords>> decode_rare_words(std::string_view text) {
  std::vector<RareWords> lists;
  std::uint64_t uid = 0;
  while (!text.empty()) {
    auto distance = take_varint(text);
    auto octets = take_varint(text);
    if (!distance || !octets || *distance == 0 || *distance > UINT32_MAX) return std::nullopt;
    uid += *distance;
    bool is_list = *octets >= 3 && *octets <= rare_octets_max && *octets <= text.size();
    if (!is_list || uid > UINT32_MAX) return std::nullopt;
    auto list = text.substr(0, *octets);
    if (list.front() != ' ' || list.back() != ' ') return std::nullopt;
    if (lists.size() == rare_messages_per_block) return std::nullopt;
    lists.push_back({Uid(static_cast<std::uint32_t>(uid)), std::string(list)});
    text.remove_prefix(*octets);
  }
  return lists;
}

bool append_rare_word(std::string& list, std::string_view word) {
  if (list.size() + word.size() + 2 > rare_octets_max) return false;
  if (list.empty()) list = ' ';
  list += word;
  list += ' ';
  return true;
}

std::string rare_pattern(const NeedlePiece& piece) {
  bool begins = piece.match == Match::Is || piece.match == Match::Begins;
  bool ends = piece.match == Match::Is || piece.match == Match::Ends;
  return (begins ? " " : "") + piece.text + (ends ? " " : "");
}

WordMemory::Known WordMemory::look(std::string_view word) const {
  auto hash = hash_of(word);
  auto slot = seen_[hash % slots];
  if ((slot & ~std::uint32_t{1}) != mark_of(hash)) return Known::No;
  return (slot & 1) != 0 ? Known::Often : Known::Once;
}

void WordMemory::note(std::string_view word, Known known) {
  auto hash = hash_of(word);
  seen_[hash % slots] = mark_of(hash) | (known == Known::Often ? 1u : 0u);
}

}  // namespace pennypost::store
