// Reads sendmail.mc, the m4 source of Sendmail's configuration, as far as it consists of macro
// calls with constant arguments.
//
//   call = NAME [ "(" argument *( "," argument ) ")" ]     FEATURE(`access_db', `hash /a/b')
//
// Text between ` and ' is taken as it is, also within itself; `dnl` and `#` begin a comment up to
// the line's end. m4 itself is not here: nothing is expanded, no file is included. The lines after
// LOCAL_CONFIG, LOCAL_RULE_n, LOCAL_RULESETS and MAILER_DEFINITIONS are Sendmail's own language.
//
// STANDARDS  none; Sendmail's cf/README
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

inline constexpr std::size_t mc_bytes_max = 1 << 20;
inline constexpr std::size_t mc_calls_max = 10'000;
inline constexpr std::size_t mc_arguments_max = 64;

struct McCall {
  std::string name;                    // `FEATURE`; for a line of Sendmail's own language: empty
  std::vector<std::string> arguments;  // without quotes and the white space before them
  std::size_t line = 0;                // where it begins, from 1
  std::string text;                    // as it stands there, on one line

  /// The argument, or an empty text.
  const std::string& argument(std::size_t index) const {
    static const std::string none;
    return index < arguments.size() ? arguments[index] : none;
  }
};

/// Error, which begins with `FILE:LINE: `: a quote or parenthesis that is not closed, or more than
/// the limits allow.
Result<std::vector<McCall>> parse_mc(std::string_view text, const std::string& file);

}  // namespace pennypost::smtp
