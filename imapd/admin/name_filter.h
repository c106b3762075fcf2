// Says which folders an admin means by patterns, as LIST has them.
//
// SEE ALSO   ../command/pattern.h
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/command/pattern.h"

namespace pennypost::imap {

/// Whether one of the patterns stands for the name; none stand for all.
class NameFilter {
 public:
  NameFilter(const std::vector<std::string>& patterns, char separator) {
    for (const auto& pattern : patterns) patterns_.emplace_back("", pattern, separator);
  }
  bool has(std::string_view name) const {
    return patterns_.empty() || std::ranges::any_of(patterns_, [&](const ListPattern& pattern) {
             return pattern.matches(name);
           });
  }

 private:
  std::vector<ListPattern> patterns_;
};

}  // namespace pennypost::imap
