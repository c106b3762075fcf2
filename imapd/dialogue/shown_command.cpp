#include "imapd/dialogue/shown_command.h"

#include "imapd/command/table.h"

namespace pennypost::imap {

std::string shown_command(std::string_view text) {
  auto head = parse_head(text);
  const auto* row = head ? find_command(commands, head->name) : nullptr;
  if (row == nullptr) return "(an unknown command, not shown)";
  if (row->allowed != In::NotAuthenticated) return std::string(text);
  return std::string(head->tag) + " " + std::string(row->name) + " (not shown)";
}

}  // namespace pennypost::imap
