// Matching: a test's keys held against its values, one after the other.
//
//   Matching matching(run, test);              // the keys are the test's last argument
//   for (auto value : values) {
//     TRY(bool is_match, matching.value(value));
//     if (is_match) return true;
//   }
//   return matching.end();                     // for :count
//
// STANDARDS  RFC 5228 section 2.7, RFC 5231
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/sieve/script.h"

namespace pennypost::store::sieve {

class Run;

class Matching {
 public:
  /// Both must outlive it.
  Matching(Run& run, const Command& test);
  /// With these keys instead.
  Matching(Run& run, const Command& test, const Argument& keys);

  /// Whether a key has more than one line.
  bool has_lines() const;
  /// RFC 5173 section 6: `body` sets no match variables.
  void leave_match_variables() { sets_variables_ = false; }

  /// Whether a key matches; then the match variables are set. Error: a limit, or a key that became
  /// no regular expression.
  Result<bool> value(std::string_view text);
  /// Whether the number of values was one that was asked for by :count.
  Result<bool> end();

 private:
  Result<bool> matches(std::string_view text, std::size_t key);
  Result<bool> matches_pattern(std::string_view text, std::size_t key);

  Run& run_;
  const MatchRule& rule_;
  std::vector<std::string> expanded_;  // what keys with variables have become
  std::vector<std::string_view> keys_;
  std::size_t values_ = 0;
  bool sets_variables_ = true;
};

}  // namespace pennypost::store::sieve
