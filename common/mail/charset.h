// Converts text from any charset to UTF-8 (with iconv), and searches text ignoring case.
//
// STANDARDS  RFC 2045 section 5.2, RFC 5051 (i;unicode-casemap)
// SEE ALSO   key_search.h (many keys, texts in pieces)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pennypost {

/// Converts a text in pieces, which may split characters. Octets that are invalid in the charset
/// become U+FFFD.
class CharsetDecoder {
 public:
  /// Nothing if the charset is unknown. Names as in MIME, ignoring case. `us-ascii`, `unknown-8bit`
  /// and an empty name are read as UTF-8, and octets that are not UTF-8 as Windows-1252, as mail
  /// programs do.
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

/// Converts a whole text at once; nothing if the charset is unknown.
std::optional<std::string> to_utf8(std::string_view charset, std::string_view text);

/// Whether to_utf8() knows it; SEARCH answers NO [BADCHARSET] to others.
bool is_known_charset(std::string_view charset);

/// Text of unknown charset, as in old headers: UTF-8, with other octets read as Windows-1252.
std::string guessed_utf8(std::string_view text);

/// Whether `text` contains `key`, both UTF-8, ignoring case.
bool contains_folded(std::string_view text, std::string_view key);

}  // namespace pennypost
