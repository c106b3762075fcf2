#include "imapd/order/sent_date.h"

#include "common/mail/date.h"
#include "common/mail/header.h"

namespace pennypost::imap {

Result<std::int64_t> sent_date(store::Mailbox& mailbox, store::Uid uid, std::string_view header) {
  auto value = HeaderFields(header).value("Date");
  auto date = value ? parse_date(*value) : std::nullopt;
  if (date) return date->seconds;
  return mailbox.internal_date(uid);
}

}  // namespace pennypost::imap
