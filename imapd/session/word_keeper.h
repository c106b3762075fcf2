// Keeps an account's index of words up to date.
//
// SEE ALSO   ../command/word_indexing.h (who does it), account.h (whose it is)
#pragma once

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class WordKeeper {
 public:
  virtual ~WordKeeper() = default;
  /// A session has seen new messages in this mailbox.
  virtual void new_messages(const store::MailboxName& name) = 0;
};

}  // namespace pennypost::imap
