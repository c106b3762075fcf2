// Tells a client of changes while no command of its is going on.
//
// SEE ALSO   context.h (who keeps it), ../command/notify.cpp (who sets it)
#pragma once

#include "imapd/session/follower.h"

namespace pennypost::imap {

class Announcer : public Follower {
 public:
  /// Tells what the client wants to know of the selected mailbox, in a turn that the caller has
  /// taken.
  virtual Task<> tell_selected(bool with_expunges) = 0;
  /// Another mailbox is selected, or none.
  virtual void mailbox_changed() = 0;
};

}  // namespace pennypost::imap
