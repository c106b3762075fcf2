// Matches mailbox names with a pattern of LIST or LSUB.
//
// `*` stands for any text, `%` for any text without the separator. INBOX as the first level matches
// in any case; everything else matches as it is written.
//
// A pattern is an automaton whose states are the places in it, as bits. Matching a name takes time
// in proportion to the lengths of both (a 64th of their product), whatever they hold.
//
// STANDARDS  RFC 9051 section 6.3.9
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost::imap {

class ListPattern {
 public:
  /// `reference` is put before `pattern` as it is (RFC 9051 section 6.3.9.2: the interpretation is
  /// ours).
  ListPattern(std::string_view reference, std::string_view pattern, char separator);

  bool matches(std::string_view name) const;
  /// Whether it begins with this text as it is, before any wildcard.
  bool spells(std::string_view begin) const { return literal_.starts_with(begin); }
  /// What one octet of a name takes, in machine words.
  std::size_t words() const { return words_; }

 private:
  using Word = std::uint64_t;
  void compile(std::string_view text);
  std::size_t set_of(char c);
  const Word* set(char c, bool in_any_case) const;
  void close(std::vector<Word>& places) const;
  bool step(std::vector<Word>& places, char c, bool in_any_case) const;

  char separator_;
  std::string literal_;       // up to the first wildcard
  std::size_t size_ = 0;      // places, but for the end
  std::size_t literals_ = 0;  // of them no wildcards: no shorter name matches
  std::size_t words_ = 0;
  // Sets of places, one behind the other: wildcards, those that the separator passes, and where
  // each octet stands (in the first, no octet does).
  std::vector<Word> wild_;
  std::vector<Word> stars_;
  std::vector<Word> sets_;
  std::array<std::uint16_t, 256> set_at_{};
  std::array<std::uint16_t, 256> any_case_at_{};  // the same, in either case
};

/// The names above `name`: `a`, `a.b` for `a.b.c`.
std::vector<std::string> parents(std::string_view name, char separator);

}  // namespace pennypost::imap
