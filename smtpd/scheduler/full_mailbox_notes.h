// Remembers which mailboxes were found full, so that `lookup` is told of each change once.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "smtpd/routing/messages.h"

namespace pennypost::smtp {

inline constexpr std::size_t full_mailboxes_max = 10'000;

class FullMailboxNotes {
 public:
  /// The note for `lookup` after a delivery to `account` ended with this enhanced status code;
  /// nothing if nothing has changed. RFC 3463 section 3.3: X.2.2 is a full mailbox. RCPT refuses
  /// mail for it until there is room.
  std::optional<NoteMailbox> note(const std::string& account, std::string_view status) {
    NoteMailbox note;
    note.account = account;
    note.is_full = status == "4.2.2" || status == "5.2.2";
    if (note.is_full) {
      if (accounts_.size() < full_mailboxes_max) accounts_.insert(account);
      return note;
    }
    // Another failure does not show whether there is room.
    bool has_room = status.starts_with('2') && accounts_.erase(account) > 0;
    return has_room ? std::optional(std::move(note)) : std::nullopt;
  }

 private:
  std::set<std::string, std::less<>> accounts_;
};

}  // namespace pennypost::smtp
