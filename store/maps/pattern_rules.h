// Parses a regexp: or pcre: table, and finds the first pattern that matches a key.
//
//   rule    = ["!"] pattern [flags] white-space value
//           | "if" ["!"] pattern [flags]  rule*  "endif"
//   pattern = any character but letters and digits, the expression, the same character again
//   value   = text with $1, ${1}, $(1) for what group 1 matched, and $$ for a dollar sign
//
// Matching ignores case unless the flag `i` turns that off. Other flags: m, x (both); s, A, E, U, X
// (pcre). Expressions are PCRE's in both types; POSIX classes and intervals are the same there.
//
// A match may take `pattern_steps_max` steps and `pattern_heap_kib_max` of memory, all matches of
// one look-up together `pattern_time_max`. What needs more is an Error ("try later"), never "no
// match".
//
// STANDARDS  none; Postfix's regexp_table(5) and pcre_table(5)
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

inline constexpr std::uint32_t pattern_steps_max = 1'000'000;
inline constexpr std::uint32_t pattern_heap_kib_max = 8 << 10;
inline constexpr std::size_t pattern_rules_max = 100'000;
inline constexpr std::chrono::milliseconds pattern_time_max{2000};

class PatternRules {
 public:
  /// Errors begin with `FILE:LINE: `.
  static Result<PatternRules> parse_pcre(std::string_view text, const std::string& file);
  static Result<PatternRules> parse_regexp(std::string_view text, const std::string& file);

  Result<std::optional<std::string>> lookup(std::string_view key) const;

  /// Calls `use` with every value as written (`$1` for a group) and its line.
  void each_value(const std::function<void(std::size_t line, const std::string& value)>& use) const;

  PatternRules(PatternRules&&) noexcept;
  ~PatternRules();

 private:
  struct Rule;
  enum class Dialect { Pcre, Regexp };
  PatternRules();
  static Result<PatternRules> parse(std::string_view text, const std::string& file,
                                    Dialect dialect);
  static Result<Rule> parse_rule(std::string_view rest, Dialect dialect);
  std::string file_;
  std::vector<Rule> rules_;
};

}  // namespace pennypost::store
