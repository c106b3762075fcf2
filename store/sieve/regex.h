// Regex: an extended regular expression of the extension `regex`, matched by PCRE2 in UTF-8.
//
// A match that needs more than regex_steps_max or regex_heap_kib_max is an Error, never "no match".
//
// STANDARDS  draft-ietf-sieve-regex-01
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store::sieve {

class Regex {
 public:
  /// Error: what is wrong with the expression.
  static Result<std::shared_ptr<const Regex>> compile(std::string_view pattern, bool folds_case);

  /// Whether it matches somewhere in `text`. `groups`, if wanted, becomes what the whole and the
  /// groups matched.
  Result<bool> matches(std::string_view text, std::vector<std::string>* groups) const;

  ~Regex();

 private:
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

}  // namespace pennypost::store::sieve
