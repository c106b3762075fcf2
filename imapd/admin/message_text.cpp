#include "imapd/admin/message_text.h"

#include "store/mailbox/body.h"

namespace pennypost::imap {

Result<std::string> whole_message(store::Mailbox& mailbox, store::Uid uid) {
  TRY(auto reader, mailbox.open(uid));
  return reader.all(admin_message_octets_max);
}

std::string with_line_feeds(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  // A text in memory can be read to its end.
  (void)store::for_each_block({text}, [&](std::string_view block) -> Result<void> {
    out += block;
    return {};
  });
  return out;
}

}  // namespace pennypost::imap
