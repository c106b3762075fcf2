// Says what is wrong with a main.toml that is not TOML, in the words of an administrator.
//
// A parser names the octet at which it gave up ("expected 'inf', saw 'im'"). Here the line itself
// is looked at for what people really write: text without quotes, a quote, bracket or `=` that is
// missing, the notation of main.cf or dovecot.conf, other programs' comments. The answer shows the
// line as it should be, wherever that can be told.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pennypost {

struct TomlMistake {
  std::size_t line = 0;  ///< from 1; where to mend it, which may be above the place of the error
  std::string text;      ///< what is wrong, and what would be right
};

/// The mistake that stopped a parser at `line` of `text`; `description` is what the parser says,
/// and serves where nothing better is known.
TomlMistake explain_toml(std::string_view text, std::size_t line, std::string_view description);

}  // namespace pennypost
