// Says what a character is to those who cut text into words (with libunistring).
//
// The answer depends on the character alone, never on its neighbours, unlike the word boundaries of
// Unicode Standard Annex 29, whose properties it is made of: so the words of a part of a text are
// those of the whole text, except at both ends.
#pragma once

#include <cstdint>

namespace pennypost {

enum class LetterKind : std::uint8_t {
  /// A blank, punctuation, a symbol: ends a word.
  Other,
  /// A combining mark, or an invisible character within words: no part of a word, nor its end.
  Mark,
  /// A letter or digit of a script that has blanks between words.
  Letter,
  /// A letter of a script that has none: Chinese, Japanese, Thai and their like.
  Ideograph,
};

LetterKind letter_kind(std::uint32_t point);

}  // namespace pennypost
