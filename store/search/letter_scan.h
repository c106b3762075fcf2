// Finds the runs of letters in folded text, which is given in pieces.
//
// What a character is depends on nothing but itself, and octets that are not UTF-8 end a run. So
// whoever scans a part of a text that begins and ends between characters sees the runs of the whole
// text; only the first and the last may be cut. Combining marks are left out of the runs, which
// does not change that. The index of words stands on this rule.
//
// SEE ALSO   words.h (the terms of a text), needle.h (those of what is searched for)
#pragma once

#include <string>
#include <string_view>

namespace pennypost::store {

/// Who is told what is found.
class LetterVisitor {
 public:
  /// More of a run of letters, in whole characters.
  virtual void letters(std::string_view octets) = 0;
  /// One character of a script that has no blanks between words.
  virtual void ideograph(std::string_view character) = 0;
  /// What stood here ends a run.
  virtual void other() = 0;

 protected:
  ~LetterVisitor() = default;
};

class LetterScan {
 public:
  /// `visitor` outlives it.
  explicit LetterScan(LetterVisitor& visitor) : visitor_(visitor) {}
  /// The next piece, as casefold() folds it; it may split a character.
  void feed(std::string_view piece);
  /// The text ends; what follows is another.
  void end();

 private:
  std::string_view take_character(std::string_view text);

  LetterVisitor& visitor_;
  std::string held_;  // the beginning of a character
};

}  // namespace pennypost::store
