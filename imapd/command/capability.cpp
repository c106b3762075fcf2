#include "imapd/command/capability.h"

#include "common/base/text.h"

namespace pennypost::imap {

std::string with_setting(std::string own, std::string_view setting) {
  auto names = words(setting, " ");
  bool replaces = !names.empty() && !names.front().starts_with('+');
  std::string out = replaces ? std::string() : std::move(own);
  for (auto name : names) {
    while (name.starts_with('+')) name.remove_prefix(1);
    if (!name.empty()) out += (out.empty() ? "" : " ") + std::string(name);
  }
  return out;
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
