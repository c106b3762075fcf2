// Parses a cidr: table and finds the first network that holds an address.
//
//   rule = ["!"] network white-space value
//        | "if" ["!"] network  rule*  "endif"
//
// STANDARDS  none; Postfix's cidr_table(5)
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost::store {

inline constexpr std::size_t rules_max = 1'000'000;
inline constexpr std::size_t rule_nesting_max = 100;

class CidrRules {
 public:
  /// Errors begin with `FILE:LINE: `.
  static Result<CidrRules> parse(std::string_view text, const std::string& file);

  /// Nothing if the key is not an address.
  Result<std::optional<std::string>> lookup(std::string_view key) const;
  /// Calls `use` with each network and its value. Error: there are rules with `if` or `!`.
  Result<void> each(
      const std::function<void(std::string_view network, std::string_view value)>& use) const;

 private:
  struct Rule {
    Network network;
    bool negated;
    std::string value;
    std::size_t skip_to;  // for an `if`: the rule after its endif; else 0
    std::size_t line;
  };
  std::string file_;
  std::vector<Rule> rules_;
};

}  // namespace pennypost::store
