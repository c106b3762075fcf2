// Goes through the tree of a test.
#include "store/sieve/certain_value.h"

#include <string_view>

namespace pennypost::store::sieve {

std::optional<bool> certain_value(const Command& test, const Script& script) {
  if (test.row == nullptr) return std::nullopt;
  std::string_view name = test.row->name;
  if (name == "true" || name == "false") return name == "true";
  if (name == "not" && test.tests.size() == 1) {
    auto inner = certain_value(test.tests[0], script);
    return inner ? std::optional(!*inner) : std::nullopt;
  }
  if (name == "ihave" && test.arguments.size() == 1) {
    for (const auto& wanted : test.arguments[0].strings) {
      if (!can_be_had(wanted.text, script.extensions, script.offered)) return false;
    }
    return true;
  }
  if (name != "allof" && name != "anyof") return std::nullopt;
  bool decisive = name == "anyof";
  bool all_known = true;
  for (const auto& inner : test.tests) {
    auto known = certain_value(inner, script);
    if (known == decisive) return decisive;
    all_known = all_known && known.has_value();
  }
  return all_known ? std::optional(!decisive) : std::nullopt;
}

}  // namespace pennypost::store::sieve
