// Explains a syntax error in main.toml in an administrator's terms.
//
// A parser names the octet at which it gave up ("expected 'inf', saw 'im'"). This looks at the line
// itself for common mistakes: text without quotes, a missing quote, bracket or `=`, the notation of
// main.cf or dovecot.conf, other programs' comments. The answer shows the correct line whenever it
// can be guessed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost {

struct TomlMistake {
  std::size_t line = 0;  ///< from 1; the line to correct, which may be above the place of the error
  std::string text;      ///< what is wrong, and what would be right
};

/// The mistake that stopped a parser at `line` of `text`; `description` is the parser's message,
/// used if nothing better is found.
TomlMistake explain_toml(std::string_view text, std::size_t line, std::string_view description);

}  // namespace pennypost
