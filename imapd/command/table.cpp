#include "imapd/command/table.h"

namespace pennypost::imap {

std::string capability_text(std::string_view setting) {
  auto added = words(setting, " ");
  // Dovecot's rule: names alone replace ours, `+NAME` adds.
  if (!added.empty() && !added.front().starts_with('+')) return std::string(setting);
  std::string out(base_capabilities);
  for (const auto& command : commands) {
    if (!command.capability.empty()) out += ' ' + std::string(command.capability);
  }
  out += ' ' + std::string(other_capabilities);
  for (auto name : added) {
    while (name.starts_with('+')) name.remove_prefix(1);
    if (!name.empty()) out += ' ' + std::string(name);
  }
  return out;
}

}  // namespace pennypost::imap
