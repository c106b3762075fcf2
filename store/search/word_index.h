// An account's index of words: which messages have which terms, so that SEARCH reads only those
// that may match.
//
// A Xapian database without positions and without lists of each document's terms: what it says of a
// message never changes, and of a message that is gone only the entry is removed. Once more than
// half of the documents have no entry, the index is made anew. Words that hardly any other message
// has are no terms, if they are a header's or have digits (rare_words.h), and one that stands in
// From, To, Cc, Bcc or Subject is a term there only: who asks for Header is answered from all of
// these. Everything in it can be computed from the mail: it may be removed at any time, and what is
// damaged is removed.
//
// One WordWriter at a time writes it: in the imapd worker that has all sessions of the account, in
// a deliver process, or in `pennypost fts`. Xapian's own lock keeps a second one out. Readers see
// what was committed last; kill -9 leaves that. These classes block on the disk; an object is used
// by one thread at a time.
//
// Errors: InUse if another writes, or has written too much meanwhile (open it again); Corruption
// for what can't be read (discard_words()).
//
// SEE ALSO   entries.h (which messages are in it), words.h (terms), rare_words.h (the other words),
//            needle.h (what is looked for), place.h (where it is)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/search/entries.h"
#include "store/search/words.h"

namespace pennypost::store {

/// Terms that a writer has in memory before is_full(); they take about 100 octets each.
inline constexpr std::size_t terms_in_memory_max = 100'000;
/// A needle that is a part of more terms than this narrows nothing.
inline constexpr std::size_t terms_per_piece_max = 20'000;
/// So many terms stand for one word of a search by words.
inline constexpr std::size_t alike_terms_max = 64;

class WordWriter {
 public:
  /// Makes the index if there is none that can be used.
  static Result<std::unique_ptr<WordWriter>> open(const std::string& directory);
  ~WordWriter();
  WordWriter(const WordWriter&) = delete;
  WordWriter& operator=(const WordWriter&) = delete;

  /// Forgets those of the folder that are not among `uids`, which are ascending, and returns those
  /// that are not in the index yet. add() is about this folder from now on.
  Result<std::vector<Uid>> begin(const WordFolder& folder, std::span<const Uid> uids);
  /// How many begin() has forgotten.
  std::size_t dropped() const;
  /// Forgets the messages of all folders but these, and writes that. Returns how many they were.
  /// begin() again before the next add().
  Result<std::size_t> keep_only(std::span<const WordFolder> folders);
  /// Adds a message with its terms.
  Result<void> add(Uid uid, const TermTable& terms, bool is_cut);
  /// There is much to be written: commit().
  bool is_full() const;
  /// Writes what was added and forgotten, durably.
  Result<void> commit();

 private:
  struct State;
  explicit WordWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class WordReader {
 public:
  /// Null if there is no index, or one of another form, which a writer will make anew.
  static Result<std::unique_ptr<WordReader>> open(const std::string& directory);
  ~WordReader();
  WordReader(const WordReader&) = delete;
  WordReader& operator=(const WordReader&) = delete;

  /// What follows is about this folder.
  Result<void> choose(const WordFolder& folder);
  /// Its messages that are in the index, ascending by UID.
  const std::vector<WordEntry>& entries() const;
  /// For each of entries(): whether the text at one of these places may hold `folded`; never false
  /// if it does.
  Result<std::vector<bool>> may_hold(std::string_view folded, std::span<const WordPlace> places);
  /// For each of entries(): how well it answers a search for the words of `folded`, in words that
  /// are alike: 1 to 100, or 0 for not at all.
  Result<std::vector<std::uint8_t>> relevancy(std::string_view folded,
                                              std::span<const WordPlace> places);

 private:
  struct State;
  explicit WordReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Whether there is an index.
bool has_words(const std::string& directory);
/// Removes it, whatever its state.
void discard_words(const std::string& directory);
/// Writes it anew, smaller. Readers keep what they have open; InUse if there is a WordWriter.
Result<void> optimize_words(const std::string& directory);

}  // namespace pennypost::store
