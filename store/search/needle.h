// Says which terms a text must have to hold another text, for what SEARCH looks for.
//
// A run of letters within the needle is a whole term of every text that holds the needle; one at
// its beginning is the end of a term, one at its end the beginning of a term, and one that is all
// of it any part of a term. So texts without such terms can't hold it, however it is cut; those
// with them may, and must be read.
//
// SEE ALSO   words.h (the terms), letter_scan.h (why this is so)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennypost::store {

/// A text that holds the needle has a term that is, begins with, ends with, or contains `text`.
struct NeedlePiece {
  enum class Match { Is, Begins, Ends, Contains };
  Match match = Match::Is;
  std::string text;
  friend bool operator==(const NeedlePiece&, const NeedlePiece&) = default;
};

/// Whether a term is what the piece asks for.
bool is_asked_for(const NeedlePiece& piece, std::string_view term);

/// Further pieces of a needle are not asked for.
inline constexpr std::size_t needle_pieces_max = 16;

/// `folded` as casefold() makes it. The pieces that are found fastest come first; none: every text
/// may hold it.
std::vector<NeedlePiece> needle_pieces(std::string_view folded);

/// The words of a text, for a search by words: runs of letters, and pairs of ideographs.
std::vector<std::string> needle_words(std::string_view folded);

}  // namespace pennypost::store
