// Keeps the words that no other message is known to have, beside the terms.
//
// Ids, dates and signatures are most of a header's words, and hardly one of them comes again; in
// bodies it is numbers and parts of links. As a term such a word takes some 30 octets besides its
// letters. Here a message has a list of them, and of its header's long ones only a filter of what
// three letters stand together: a fifth of their size, and hardly wrong for a text that is as long
// as what anybody looks for. Both lie in the index itself, in blocks of 64 UIDs:
//
//   Pfolder/uidvalidity/block   (UID's distance, octets, ` word word word `, octets, filter)*
//
// where P is the letter of the place, the numbers are varints and the rest is as in entries.h. The
// lists are searched as texts, which takes some milliseconds for 10,000 messages.
//
// Whether a word is rare is decided once, when a message is put in, by what is known then: a word
// that comes again is in the list of its first message, and a term for all others.
//
// LIMITS     rare_octets_max
// SEE ALSO   entries.h (the messages), needle.h (what is looked for)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/search/entries.h"
#include "store/search/needle.h"
#include "store/search/words.h"

namespace pennypost::store {

/// The places that have rare words.
inline constexpr std::array rare_places{WordPlace::Header, WordPlace::Body};
inline constexpr std::uint32_t rare_messages_per_block = 64;
/// A message's list is no longer, and so many letters are in its filter; the rest of its words are
/// terms.
inline constexpr std::size_t rare_octets_max = 4096;

/// Of a message, at one place.
struct RareWords {
  std::string list;    // words with a blank around each, ` a b `; or empty
  std::string filter;  // or empty
  friend bool operator==(const RareWords&, const RareWords&) = default;
};
struct RareEntry {
  Uid uid{0};
  RareWords words;
  friend bool operator==(const RareEntry&, const RareEntry&) = default;
};

inline std::uint32_t rare_block_of(Uid uid) { return uid.value() / rare_messages_per_block; }

/// As the keys of entries.h.
std::string rare_blocks_key(WordPlace place, const WordFolder& folder);
std::string rare_block_key(WordPlace place, const WordFolder& folder, std::uint32_t block);

/// `entries` are ascending by UID.
std::string encode_rare_words(const std::vector<RareEntry>& entries);
/// Nothing for what can't be a block.
std::optional<std::vector<RareEntry>> decode_rare_words(std::string_view text);

/// Whether a word may be kept so: all of a header, and those with digits of a body, which are not
/// looked for by likeness.
bool may_be_rare(WordPlace place, std::string_view word);

/// Gathers the rare words of a message at one place.
class RareCollector {
 public:
  explicit RareCollector(WordPlace place) : place_(place) {}
  /// False: there are too many of them, this one must be a term.
  bool add(std::string_view word);
  bool empty() const { return list_.empty() && letters_ == 0; }
  RareWords finish();

 private:
  WordPlace place_;
  std::string list_;
  std::vector<std::uint32_t> grams_;
  std::size_t letters_ = 0;
};

/// Looks for a piece of a needle.
class RarePattern {
 public:
  explicit RarePattern(const NeedlePiece& piece);
  /// Whether one of the words may be what the piece wants; never false if one is.
  bool may_be_in(const RareWords& words) const;

 private:
  std::string text_;
  std::vector<std::uint32_t> grams_;
  bool is_listed_ = false;  // a word that it is would not be in a filter
};

/// Remembers which words have come lately: those that come again are not rare. It may take one word
/// for another, and forgets, which costs space and nothing else.
class WordMemory {
 public:
  enum class Known { No, Once, Often };
  Known look(std::string_view term) const;
  void note(std::string_view term, Known known);

 private:
  // By hash: the hash's other bits, and the lowest says Often.
  static constexpr std::size_t slots = 1 << 18;
  std::vector<std::uint32_t> seen_ = std::vector<std::uint32_t>(slots, 0);
};

}  // namespace pennypost::store
