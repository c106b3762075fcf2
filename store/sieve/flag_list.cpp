// Adds and removes flags, ignoring case.
#include "store/sieve/flag_list.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/sieve/limits.h"

namespace pennypost::store::sieve {

bool is_flag(std::string_view text) {
  if (text.starts_with('\\')) text.remove_prefix(1);
  if (text.empty()) return false;
  return std::ranges::all_of(text, [](char c) {
    return is_ascii(c) && !is_control(c) &&
           std::string_view(" (){%*\"\\]").find(c) == std::string_view::npos;
  });
}

void add_flags(std::vector<std::string>& flags, std::string_view text) {
  for (auto flag : words(text, " ")) {
    bool is_known = std::ranges::any_of(
        flags, [flag](const std::string& known) { return equal_nocase(known, flag); });
    if (is_flag(flag) && !is_known && flags.size() < flags_max) flags.emplace_back(flag);
  }
}

void remove_flags(std::vector<std::string>& flags, std::string_view text) {
  for (auto flag : words(text, " ")) {
    std::erase_if(flags, [flag](const std::string& known) { return equal_nocase(known, flag); });
  }
}

}  // namespace pennypost::store::sieve
