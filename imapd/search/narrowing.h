// What the index of words says of one mailbox to the keys of a SEARCH: which messages can't match,
// and, for FUZZY, which do and how well.
//
// Messages that are not in the index, and keys that it can't answer, are open: the message decides.
//
// STANDARDS  RFC 6203 (FUZZY)
// SEE ALSO   searcher.h (who asks), store/search/word_index.h (what it can say)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/mailbox/mailbox.h"
#include "store/search/word_index.h"

namespace pennypost::imap {

/// A text that a key looks for.
struct WordNeedle {
  /// As casefold() makes it.
  std::string folded;
  std::vector<store::WordPlace> places;
  bool is_fuzzy = false;
};

/// The index is asked for so many texts of one SEARCH.
inline constexpr std::size_t narrowed_keys_max = 32;

class Narrowing {
 public:
  /// Asks the index in `directory` about all `needles`. Error: it can't be read, and is removed if
  /// it is damaged.
  static Result<Narrowing> make(const std::string& directory, const store::Mailbox& mailbox,
                                std::span<const WordNeedle> needles);
  Narrowing() = default;

  /// How many messages are in the index, those included that have gone since.
  std::size_t size() const { return uids_.size(); }
  /// The place of a message; nothing if it is not in the index.
  std::optional<std::size_t> place_of(store::Uid uid) const;
  /// Whether that message may hold that needle.
  bool may_hold(std::size_t needle, std::size_t place) const;
  /// How well it answers a needle that is_fuzzy: 1 to 100; 0: not at all. Nothing: look for it
  /// exactly.
  std::optional<std::uint8_t> score(std::size_t needle, std::size_t place) const;

 private:
  struct Answer {
    std::vector<bool> may;             // by place; empty: all
    std::vector<std::uint8_t> scores;  // of a needle that is fuzzy
  };
  static Result<std::optional<Narrowing>> ask(const std::string& directory,
                                              const store::WordFolder& folder,
                                              std::span<const WordNeedle> needles);
  std::vector<store::Uid> uids_;
  std::vector<Answer> answers_;
};

}  // namespace pennypost::imap
