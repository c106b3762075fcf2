// Parses which mailboxes a command is about, as NOTIFY and ESEARCH name them: `selected`,
// `personal`, `subtree Lists`, `mailboxes (INBOX Sent)`.
//
// STANDARDS  RFC 5465 section 6, RFC 7377 section 2.2 (subtree-one)
// LIMITS     list_items_max names
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imapd/grammar/cursor.h"

namespace pennypost::imap {

struct MailboxFilter {
  enum class Kind : std::uint8_t {
    Selected,
    SelectedDelayed,
    /// Where mail may be delivered, which a filter of the user's may do anywhere: as Personal.
    Inboxes,
    Personal,
    Subscribed,
    Subtree,
    SubtreeOne,
    Mailboxes,
  };
  Kind kind = Kind::Personal;
  /// For the last three, as the client writes them; at least one.
  std::vector<std::string> mailboxes;

  bool is_selected() const { return kind == Kind::Selected || kind == Kind::SelectedDelayed; }
};
Result<MailboxFilter> parse_mailbox_filter(Cursor& cursor);

}  // namespace pennypost::imap
