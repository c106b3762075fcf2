// Cuts folded text into the terms by which the index of words knows it.
//
// A run of letters is a term. One of more than term_octets_max octets is several: pieces of that
// length, each beginning term_stride octets behind the one before, so that whatever of at most
// term_stride octets is in the run is in one of them. In a script without blanks between words each
// two neighbouring characters are a term, and a character that stands alone.
//
// SEE ALSO   letter_scan.h (the runs), needle.h (which terms a text must have to hold another)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/search/letter_scan.h"

namespace pennypost::store {

inline constexpr std::size_t term_octets_max = 64;
inline constexpr std::size_t term_stride = term_octets_max / 2;

/// Where in a message a word stands; the letter with which its terms begin in the index.
enum class WordPlace : char {
  Body = 'B',
  Header = 'H',
  // The value of some header fields, as the keys that name them see it.
  Subject = 'S',
  From = 'F',
  To = 'T',
  Cc = 'C',
  Bcc = 'D',
  FileName = 'N',
};

/// Those of single header fields.
inline constexpr std::array header_field_places{WordPlace::Subject, WordPlace::From, WordPlace::To,
                                                WordPlace::Cc, WordPlace::Bcc};

/// The different terms of one message. Its memory is used again for the next.
class TermTable {
 public:
  struct Term {
    std::uint32_t offset;
    std::uint32_t octets;
    std::uint32_t count;
    std::uint32_t hash;
  };
  void add(WordPlace place, std::string_view term);
  bool has(WordPlace place, std::string_view term) const;
  void clear();
  /// In the order in which they came first.
  std::span<const Term> terms() const { return terms_; }
  /// A term behind the letter of its place.
  std::string_view text_of(const Term& term) const {
    return std::string_view(text_).substr(term.offset, term.octets);
  }

 private:
  // The place in slots_ of a term, or of where it would be.
  std::size_t slot_of(char letter, std::string_view term, std::uint32_t hash) const;
  void grow();

  std::string text_;
  std::vector<Term> terms_;
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1024, 0);  // 0: free
};

/// Adds the terms of texts to a table.
class WordCutter final : private LetterVisitor {
 public:
  /// `table` outlives it.
  WordCutter(TermTable& table, WordPlace place) : table_(table), place_(place) {}
  WordCutter(const WordCutter&) = delete;
  WordCutter& operator=(const WordCutter&) = delete;
  void feed(std::string_view folded) { scan_.feed(folded); }
  void end_text() { scan_.end(); }

 private:
  void letters(std::string_view octets) override;
  void ideograph(std::string_view character) override;
  void other() override;
  void end_letters();
  void end_ideographs();

  TermTable& table_;
  WordPlace place_;
  LetterScan scan_{*this};
  std::string run_;   // of letters, as far as it is not added yet
  std::string last_;  // the character before
  bool has_pair_ = false;
};

}  // namespace pennypost::store
