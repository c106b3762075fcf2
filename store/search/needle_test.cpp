#include "store/search/needle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "common/mail/unicode.h"
#include "store/search/words.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

using Match = NeedlePiece::Match;

std::vector<std::string> terms_of(std::string_view folded, std::size_t piece_octets = 1 << 20) {
  TermTable table;
  WordCutter cutter(table, WordPlace::Body);
  for (std::size_t i = 0; i < folded.size(); i += piece_octets) {
    cutter.feed(folded.substr(i, piece_octets));
  }
  cutter.end_text();
  std::vector<std::string> out;
  for (const auto& term : table.terms()) out.emplace_back(table.text_of(term).substr(1));
  return out;
}

bool has_piece(const std::vector<std::string>& terms, const NeedlePiece& piece) {
  return std::ranges::any_of(terms,
                             [&](const std::string& term) { return is_asked_for(piece, term); });
}

// Of all that makes words differ: scripts, marks, digits, punctuation, and octets that are no
// UTF-8.
const std::vector<std::string>& alphabet() {
  static const std::vector<std::string> letters{
      "a",    "b",        "c",    "E",    "z", "0",  "9",  "ä",  "e\xcc\x81", "\xcc\x81", "ß",
      "ﬁ",    "İ",        "Ω",    "ж",    "ש", "漢", "字", "あ", "ア",        "ｶﾞ",       "ไ",
      "한",   " ",        " ",    "-",    ".", "_",  "'",  "“",  "、",        "—",        "\n",
      "\x80", "\xe6\xbc", "\xc3", "\xff", "𝒳", "😀",  "١",  "½",  "ⅷ",         "№"};
  return letters;
}

}  // namespace

TEST_CASE("a text is cut into runs of letters, and into pairs of ideographs") {
  struct Row {
    const char* text;
    std::vector<std::string> terms;
  };
  for (const auto& row : {Row{"the cat's 2nd e-mail", {"the", "cat", "s", "2nd", "e", "mail"}},
                          Row{"a_b;c", {"a", "b", "c"}}, Row{"cafe\xcc\x81 x", {"cafe", "x"}},
                          Row{"漢字仮名 字", {"漢字", "字仮", "仮名", "字"}},
                          Row{"abc漢字def", {"abc", "漢字", "def"}},
                          Row{"aa\xc3 b\xff\x63", {"aa", "b", "c"}}, Row{"", {}}, Row{" .-", {}}}) {
    CAPTURE(row.text);
    CHECK(terms_of(row.text) == row.terms);
    CHECK(terms_of(row.text, 1) == row.terms);
  }
}

TEST_CASE("whatever of a long word is searched for is in one of its terms") {
  std::mt19937 random(1);
  for (std::size_t length : {63u, 64u, 65u, 95u, 96u, 97u, 128u, 500u}) {
    std::string word;
    for (std::size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random() % 26);
    auto terms = terms_of(word);
    for (const auto& term : terms) CHECK(term.size() <= term_octets_max);
    for (std::size_t at = 0; at + term_stride <= length; ++at) {
      CHECK(has_piece(terms, {Match::Contains, word.substr(at, term_stride)}));
    }
    CHECK(has_piece(terms, {Match::Ends, word.substr(length - term_stride)}));
    CHECK(has_piece(terms, {Match::Is, word.substr(0, term_octets_max)}));
  }
}

TEST_CASE("a needle asks for whole terms within, and for parts of terms at its ends") {
  using Pieces = std::vector<NeedlePiece>;
  CHECK(needle_pieces("ell") == Pieces{{Match::Contains, "ell"}});
  CHECK(needle_pieces("ello wor") == Pieces{{Match::Begins, "wor"}, {Match::Ends, "ello"}});
  CHECK(needle_pieces(" hello ") == Pieces{{Match::Is, "hello"}});
  CHECK(needle_pieces("lo my wor") ==
        Pieces{{Match::Is, "my"}, {Match::Begins, "wor"}, {Match::Ends, "lo"}});
  CHECK(needle_pieces("漢字仮") == Pieces{{Match::Is, "漢字"}, {Match::Is, "字仮"}});
  CHECK(needle_pieces("字") == Pieces{{Match::Contains, "字"}});
  CHECK(needle_pieces(" 字 ") == Pieces{{Match::Is, "字"}});
  CHECK(needle_pieces("-- !").empty());
  CHECK(needle_pieces("").empty());
  std::string many;
  for (int i = 0; i < 100; ++i) many += " w" + std::to_string(i);
  CHECK(needle_pieces(many).size() == needle_pieces_max);
}

TEST_CASE("every part of every text is held by a text that has the terms it asks for") {
  std::mt19937 random(2);
  const auto& letters = alphabet();
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    auto length = 1 + random() % 60;
    // Long words too, and texts of one script.
    auto letters_used = random() % 3 == 0 ? 5 : letters.size();
    if (random() % 10 == 0) length *= 6;
    for (std::size_t i = 0; i < length; ++i) text += letters[random() % letters_used];
    auto folded = casefold(text);
    auto terms = terms_of(folded, 1 + random() % 7);
    for (int i = 0; i < 10; ++i) {
      auto first = random() % folded.size();
      // What is searched for begins and ends between characters.
      while (first < folded.size() && (folded[first] & '\xc0') == '\x80') ++first;
      auto last = first + random() % (folded.size() - first + 1);
      while (last < folded.size() && (folded[last] & '\xc0') == '\x80') ++last;
      auto needle = folded.substr(first, last - first);
      if (!is_utf8(needle)) continue;
      for (const auto& piece : needle_pieces(needle)) {
        CAPTURE(folded);
        CAPTURE(needle);
        CAPTURE(piece.text);
        CHECK(has_piece(terms, piece));
      }
    }
  }
}
