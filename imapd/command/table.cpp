#include "imapd/command/table.h"

#include <utility>

namespace pennypost::imap {

std::string capability_text(std::string_view setting) {
  std::string out(base_capabilities);
  for (const auto& command : commands) {
    if (!command.capability.empty()) out += ' ' + std::string(command.capability);
  }
  out += ' ' + std::string(other_capabilities);
  return with_setting(std::move(out), setting);
}

}  // namespace pennypost::imap
