// Tells a client of changes while no command of its is going on.
//
// SEE ALSO   context.h (who keeps it), ../command/notify.cpp (who sets it)
#pragma once

#include <optional>
#include <span>

#include "imapd/session/follower.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// What a client wants to hear of the selected mailbox.
struct SelectedWishes {
  /// Of messages that come and go.
  bool messages = true;
  bool flags = true;
};

class Announcer : public Follower {
 public:
  virtual SelectedWishes wishes() const = 0;
  /// Tells what the client wants to know of the selected mailbox, in a turn that the caller has
  /// taken.
  virtual Task<> tell_selected(bool with_expunges) = 0;
  /// Another mailbox is selected, or none.
  virtual void mailbox_changed() = 0;
  /// The client itself has put these messages into a mailbox, and has been told their UIDs.
  virtual void note_own(const store::MailboxName& name, std::span<const store::Uid> uids) = 0;
  /// The client itself has changed these annotations; without a name, the account's.
  virtual void note_annotated(const std::optional<store::MailboxName>& name,
                              const store::AnnotationChanges& changes) = 0;
};

}  // namespace pennypost::imap
