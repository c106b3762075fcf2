// Says whether a mailbox is among those that NOTIFY or ESEARCH names.
//
// STANDARDS  RFC 5465 section 6, RFC 7377 section 2.2
// SEE ALSO   ../grammar/mailbox_filter.h (how a client names them)
#pragma once

#include <vector>

#include "imapd/grammar/mailbox_filter.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class SessionContext;

class MailboxChoice {
 public:
  /// Names that can be no mailbox's are passed over: no mailbox has them.
  MailboxChoice(const SessionContext& context, const MailboxFilter& filter);

  MailboxFilter::Kind kind() const { return kind_; }
  /// Never the selected one as such. The mailbox need not exist.
  bool has(const store::MailboxName& name, bool is_subscribed) const;

 private:
  bool is_below(const store::MailboxName& name, const store::MailboxName& above) const;

  MailboxFilter::Kind kind_;
  store::Sharing* sharing_;
  char separator_;
  std::vector<store::MailboxName> names_;
};

}  // namespace pennypost::imap
