#include "store/search/rare_words.h"

#include <algorithm>
#include <functional>

#include "store/search/varint.h"

namespace pennypost::store {
namespace {

using Match = NeedlePiece::Match;

// A word with digits that has so many octets is in the filter.
constexpr std::size_t filtered_octets_min = 10;
constexpr std::size_t gram_octets = 3;
// Of the filter for four grams: some two of five bits are set then.
constexpr std::size_t bits_per_four_grams = 7;
constexpr std::size_t filter_octets_min = 8;

std::size_t filter_octets(std::size_t grams) {
  return std::max(filter_octets_min, (grams * bits_per_four_grams + 31) / 32);
}

bool has_digit(std::string_view word) {
  return std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_filtered(std::string_view word) {
  return word.size() >= filtered_octets_min && has_digit(word);
}

std::string with_blanks(std::string_view word) { return ' ' + std::string(word) + ' '; }

void add_grams(std::string_view text, std::vector<std::uint32_t>& grams) {
  auto octet = [&](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(text[at])}; };
  for (std::size_t i = 0; i + gram_octets <= text.size(); ++i) {
    auto gram = octet(i) << 16 | octet(i + 1) << 8 | octet(i + 2);
    // Spreads them (Knuth's multiplier).
    grams.push_back((gram * 2654435761u) >> 7);
  }
}

bool has_bit(std::string_view filter, std::uint32_t gram) {
  auto bit = gram % (filter.size() * 8);
  return (static_cast<unsigned char>(filter[bit / 8]) >> bit % 8 & 1) != 0;
}

std::uint64_t hash_of(std::string_view term) { return std::hash<std::string_view>()(term); }

// What of a hash is kept, never 0; the lowest bit is free.
std::uint32_t mark_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32 | 2) & ~std::uint32_t{1};
}

// A text behind its length; nothing if it is longer than that.
std::optional<std::string_view> take_text(std::string_view& from, std::size_t octets_max) {
  auto octets = take_varint(from);
  if (!octets || *octets > octets_max || *octets > from.size()) return std::nullopt;
  auto text = from.substr(0, *octets);
  from.remove_prefix(*octets);
  return text;
}

}  // namespace

std::string rare_blocks_key(WordPlace place, const WordFolder& folder) {
  return static_cast<char>(place) + blocks_key(folder).substr(1);
}

std::string rare_block_key(WordPlace place, const WordFolder& folder, std::uint32_t block) {
  return static_cast<char>(place) + block_key(folder, block).substr(1);
}

std::string encode_rare_words(const std::vector<RareEntry>& entries) {
  std::string out;
  std::uint32_t uid = 0;
  for (const auto& entry : entries) {
    append_varint(out, entry.uid.value() - uid);
    for (const auto* text : {&entry.words.list, &entry.words.filter}) {
      append_varint(out, text->size());
      out += *text;
    }
    uid = entry.uid.value();
  }
  return out;
}

std::optional<std::vector<RareEntry>> decode_rare_words(std::string_view text) {
  std::vector<RareEntry> entries;
  std::uint64_t uid = 0;
  while (!text.empty()) {
    auto distance = take_varint(text);
    if (!distance || *distance == 0 || *distance > UINT32_MAX) return std::nullopt;
    uid += *distance;
    if (uid > UINT32_MAX || entries.size() == rare_messages_per_block) return std::nullopt;
    auto list = take_text(text, rare_octets_max);
    auto filter = take_text(text, filter_octets(rare_octets_max));
    if (!list || !filter) return std::nullopt;
    bool is_list = list->size() > 2 && list->front() == ' ' && list->back() == ' ';
    if (!list->empty() && !is_list) return std::nullopt;
    entries.push_back(
        {Uid(static_cast<std::uint32_t>(uid)), {std::string(*list), std::string(*filter)}});
  }
  return entries;
}

bool may_be_rare(WordPlace place, std::string_view word) {
  return place == WordPlace::Header || (place == WordPlace::Body && has_digit(word));
}

bool RareCollector::add(std::string_view word) {
  if (place_ == WordPlace::Header && is_filtered(word)) {
    if (letters_ + word.size() > rare_octets_max) return false;
    letters_ += word.size();
    add_grams(with_blanks(word), grams_);
    return true;
  }
  if (list_.size() + word.size() + 2 > rare_octets_max) return false;
  if (list_.empty()) list_ = ' ';
  list_ += word;
  list_ += ' ';
  return true;
}

RareWords RareCollector::finish() {
  RareWords words{std::move(list_), {}};
  if (letters_ == 0) return words;
  std::ranges::sort(grams_);
  grams_.erase(std::unique(grams_.begin(), grams_.end()), grams_.end());
  auto octets = filter_octets(grams_.size());
  words.filter.assign(octets, '\0');
  for (auto gram : grams_) {
    auto bit = gram % (octets * 8);
    auto& octet = words.filter[bit / 8];
    octet = static_cast<char>(static_cast<unsigned char>(octet) | 1u << bit % 8);
  }
  return words;
}

RarePattern::RarePattern(const NeedlePiece& piece) {
  bool begins = piece.match == Match::Is || piece.match == Match::Begins;
  bool ends = piece.match == Match::Is || piece.match == Match::Ends;
  text_ = (begins ? " " : "") + piece.text + (ends ? " " : "");
  add_grams(text_, grams_);
  is_listed_ = piece.match == Match::Is && !is_filtered(piece.text);
}

bool RarePattern::may_be_in(const RareWords& words) const {
  if (words.list.find(text_) != std::string::npos) return true;
  if (words.filter.empty() || is_listed_) return false;
  return std::ranges::all_of(grams_, [&](auto gram) { return has_bit(words.filter, gram); });
}

WordMemory::Known WordMemory::look(std::string_view term) const {
  auto hash = hash_of(term);
  auto slot = seen_[hash % slots];
  if ((slot & ~std::uint32_t{1}) != mark_of(hash)) return Known::No;
  return (slot & 1) != 0 ? Known::Often : Known::Once;
}

void WordMemory::note(std::string_view term, Known known) {
  auto hash = hash_of(term);
  seen_[hash % slots] = mark_of(hash) | (known == Known::Often ? 1u : 0u);
}

}  // namespace pennypost::store
