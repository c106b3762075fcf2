#include "imapd/command/capability.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"

namespace pennypost::imap {

std::string with_setting(std::string own, std::string_view setting) {
  auto names = words(setting, " ");
  bool changes = names.empty() || names.front().starts_with('+') || names.front().starts_with('-');
  std::vector<std::string> out;
  if (changes) {
    for (auto name : words(own, " ")) out.emplace_back(name);
  }
  for (auto name : names) {
    bool is_hidden = name.starts_with('-');
    while (name.starts_with('+') || name.starts_with('-')) name.remove_prefix(1);
    if (is_hidden) {
      std::erase_if(out, [&](const auto& one) { return equal_nocase(one, name); });
    } else if (!name.empty()) {
      out.emplace_back(name);
    }
  }
  return join(out, " ");
}

std::string without(std::string own, std::string_view hidden) {
  if (hidden.empty()) return own;
  auto is_hidden = [&](std::string_view name) {
    for (auto one : words(hidden, ",")) {
      if (one.starts_with('-')) one.remove_prefix(1);
      if (equal_nocase(name, one)) return true;
    }
    return false;
  };
  std::string out;
  for (auto name : words(own, " ")) {
    if (!is_hidden(name)) out += (out.empty() ? "" : " ") + std::string(name);
  }
  return out;
}

}  // namespace pennypost::imap
