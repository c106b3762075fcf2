// Keeps the header words that no other message is known to have, in lists beside the terms.
//
// Ids, dates and signatures are most of a header's words, and hardly one of them comes again. As a
// term such a word takes 40 octets, in a list its own letters and one more. The lists lie in the
// index itself, in blocks of 64 UIDs:
//
//   Rfolder/uidvalidity/block   (UID's distance, octets, ` word word word `)*
//
// where the numbers are varints and the rest is as in entries.h. Each list is searched as a text,
// which takes some milliseconds for 10,000 messages.
//
// Whether a word is rare is decided once, when a message is put in, by what is known then: a word
// that comes again is in the list of its first message, and a term for all others.
//
// LIMITS     rare_octets_max
// SEE ALSO   entries.h (the messages), needle.h (what is looked for)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/search/entries.h"
#include "store/search/needle.h"

namespace pennypost::store {

inline constexpr std::uint32_t rare_messages_per_block = 64;
/// A message's list is no longer; the rest of its words are terms.
inline constexpr std::size_t rare_octets_max = 4096;

/// The list of a message: words with a blank around each, ` a b `; never empty.
struct RareWords {
  Uid uid{0};
  std::string text;
  friend bool operator==(const RareWords&, const RareWords&) = default;
};

inline std::uint32_t rare_block_of(Uid uid) { return uid.value() / rare_messages_per_block; }

/// As the keys of entries.h.
std::string rare_folder_key(const WordFolder& folder);
std::string rare_blocks_key(const WordFolder& folder);
std::string rare_block_key(const WordFolder& folder, std::uint32_t block);

/// `lists` are ascending by UID, with at most rare_octets_max octets each.
std::string encode_rare_words(const std::vector<RareWords>& lists);
/// Nothing for what can't be a block.
std::optional<std::vector<RareWords>> decode_rare_words(std::string_view text);

/// Appends a word to a list, unless that would become too long; whether it did.
bool append_rare_word(std::string& list, std::string_view word);
/// What is in a list that has a word as the piece wants it.
std::string rare_pattern(const NeedlePiece& piece);

/// Remembers which header words have come lately: those that come again are not rare. It may take
/// one word for another, and forgets, which costs space and nothing else.
class WordMemory {
 public:
  enum class Known { No, Once, Often };
  Known look(std::string_view word) const;
  void note(std::string_view word, Known known);

 private:
  // By hash: the hash's other bits, and the lowest says Often.
  static constexpr std::size_t slots = 1 << 18;
  std::vector<std::uint32_t> seen_ = std::vector<std::uint32_t>(slots, 0);
};

}  // namespace pennypost::store
