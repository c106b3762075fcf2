// Octets as the lists of an index of words, and as text that is cut into words: damaged lists are
// refused, a text has the same words in whatever pieces it comes, and whatever part of it is
// searched for asks for nothing that the text does not have.
//
// The first octet chooses the size of the pieces, the next two the part that is searched for.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/assert.h"
#include "common/mail/unicode.h"
#include "store/search/entries.h"
#include "store/search/needle.h"
#include "store/search/rare_words.h"
#include "store/search/words.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

// Of the text, each once, in their order.
std::vector<std::string> words_of(std::string_view text, std::size_t piece_bytes) {
  TermTable table;
  WordCutter cutter(table, WordPlace::Body);
  for (std::size_t i = 0; i < text.size(); i += piece_bytes) {
    cutter.feed(text.substr(i, piece_bytes));
  }
  cutter.end_text();
  std::vector<std::string> out;
  for (const auto& term : table.terms()) {
    ASSERT(term.octets <= term_octets_max + 1 &&
           table.has(WordPlace::Body, table.text_of(term).substr(1)));
    out.emplace_back(table.text_of(term).substr(1));
  }
  return out;
}

void read_lists(std::string_view text) {
  if (auto entries = decode_entries(text)) {
    ASSERT(entries->size() <= entries_per_block);
    ASSERT(std::ranges::is_sorted(*entries, {}, &WordEntry::uid));
    ASSERT(decode_entries(encode_entries(*entries)) == entries);
  }
  if (auto entries = decode_rare_words(text)) {
    ASSERT(entries->size() <= rare_messages_per_block);
    ASSERT(decode_rare_words(encode_rare_words(*entries)) == entries);
    for (const auto& entry : *entries) {
      (void)RarePattern({NeedlePiece::Match::Contains, "abc"}).may_be_in(entry.words);
    }
  }
}

// A part between characters; text that is not UTF-8 is not searched for.
std::string_view part_of(std::string_view text, std::size_t first, std::size_t octets) {
  auto is_within = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  first = std::min(first, text.size());
  while (is_within(first)) ++first;
  auto last = std::min(first + octets, text.size());
  while (is_within(last)) ++last;
  return text.substr(first, last - first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 3) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);
  read_lists(text);
  auto folded = casefold(text);
  auto terms = words_of(folded, std::max<std::size_t>(folded.size(), 1));
  ASSERT(words_of(folded, data[0] % 32 + 1) == terms);
  auto needle = part_of(folded, data[1], data[2]);
  if (!is_utf8(needle)) return 0;
  bool has_all = true;
  RareCollector collector(data[0] < 128 ? WordPlace::Header : WordPlace::Body);
  for (const auto& term : terms) has_all = collector.add(term) && has_all;
  auto rare = collector.finish();
  for (const auto& piece : needle_pieces(needle)) {
    ASSERT(std::ranges::any_of(terms, [&](const auto& term) { return is_asked_for(piece, term); }));
    ASSERT(!has_all || RarePattern(piece).may_be_in(rare));
  }
  return 0;
}
