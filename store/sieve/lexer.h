// Splits a Sieve script into tokens.
//
//   identifier = letter or "_", then letters, digits, "_"
//   tag        = ":" identifier
//   number     = digits ["K" / "M" / "G"]
//   string     = '"' text '"', with \" and \\ ; or "text:" comment? line-end lines "." line-end
//
// Comments (`# to the line's end`, `/* ... */`) and white space are skipped. Line ends are CRLF or
// LF; in multi-line strings both become CRLF, as the standard writes them.
//
// LIMITS     number_max, name_bytes_max; the script's size bounds all else
// STANDARDS  RFC 5228 sections 2.1 to 2.4 and 8.1
// SEE ALSO   parser.h
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/sieve/mistake.h"

namespace pennypost::store::sieve {

struct Token {
  enum class Kind { Identifier, Tag, Number, String, Sign, End };
  Kind kind = Kind::End;
  Position at;
  std::string text;          // the name without its colon, the string's value, the sign
  std::uint64_t number = 0;  // with its K, M or G applied

  bool is_sign(char sign) const { return kind == Kind::Sign && text[0] == sign; }
  /// For a message: `the string "INBOX"`, `";"`, `the end of the script`.
  std::string shown() const;
};

class Lexer {
 public:
  /// `script` must outlive it.
  explicit Lexer(std::string_view script) : script_(script) {}

  /// The next token; nothing after a mistake, which is then in mistake().
  std::optional<Token> next();
  const Mistake& mistake() const { return mistake_; }

 private:
  bool skip_blanks();
  bool skip_block_comment();
  std::optional<Token> quoted(Token token);
  std::optional<Token> number(Token token);
  std::optional<Token> multi_line(Token token);
  bool end_text_line(Position from);
  std::string_view name();
  bool at_end() const { return offset_ == script_.size(); }
  char here() const { return script_[offset_]; }
  Position position() const;
  std::nullopt_t wrong(Position at, std::string text);

  std::string_view script_;
  std::size_t offset_ = 0;
  std::uint32_t line_ = 1;
  std::size_t line_start_ = 0;
  Mistake mistake_;
};

}  // namespace pennypost::store::sieve
