// Text in any charset in, UTF-8 out (by iconv), and comparison without case for IMAP SEARCH.
//
// STANDARDS  RFC 2045 section 5.2, RFC 9051 section 6.4.4 (SEARCH ignores case), RFC 5051
// (i;unicode-casemap)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

/// Converts pieces of one text; characters may be cut anywhere. What is no character of the charset
/// becomes U+FFFD.
class CharsetDecoder {
 public:
  /// Nothing if the charset is unknown. Names as in MIME, ignoring case; `us-ascii`, `unknown-8bit`
  /// and no name are taken as UTF-8, octets where that fails as Windows-1252, as readers do.
  static std::optional<CharsetDecoder> make(std::string_view charset);

  CharsetDecoder(CharsetDecoder&&) noexcept;
  CharsetDecoder& operator=(CharsetDecoder&&) noexcept;
  ~CharsetDecoder();

  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);

 private:
  class State;
  explicit CharsetDecoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A whole text at once; nothing if the charset is unknown.
std::optional<std::string> to_utf8(std::string_view charset, std::string_view text);

/// Whether to_utf8() knows it; SEARCH answers NO [BADCHARSET] to others.
bool is_known_charset(std::string_view charset);

/// Text of unknown charset, as headers of old hold it: UTF-8, octets that are none as Windows-1252.
std::string guessed_utf8(std::string_view text);

/// Whether texts contain one key, ignoring case as casefold() does; fed in pieces, since bodies are
/// large. Matches across pieces are found.
class FoldedSearch {
 public:
  /// `key` in UTF-8. An empty key is found in everything.
  explicit FoldedSearch(std::string_view key);

  /// One piece of UTF-8 text; true once the key was seen.
  bool feed(std::string_view piece);
  /// Decides about what was held back, and whether the key was seen; then a new text may begin.
  bool finish();

 private:
  bool search(std::string_view text);
  std::string key_;   // folded
  std::string tail_;  // folded text that may begin a match
  std::string held_;  // text not yet folded: an unfinished character or grapheme
  bool found_ = false;
};

/// Whether `text` contains `key`, both UTF-8, ignoring case.
bool contains_folded(std::string_view text, std::string_view key);

}  // namespace pennypost
