// Tells the sessions of an account what one of them has done to its mailboxes, as far as that can't
// be seen on disk: which name is a new one of an old mailbox.
//
// SEE ALSO   account.h (who has it), ../command/notifier.h (who listens)
#pragma once

#include <set>
#include <string>

namespace pennypost::imap {

struct AccountNews {
  /// The session that did it.
  const void* by = nullptr;
  /// Of the mailbox, in UTF-8.
  std::string name;
  /// What it is called until now: it is being renamed, and news without an old name follow when
  /// that is over. "" for all else.
  std::string old_name = {};
};

class AccountListener {
 public:
  virtual ~AccountListener() = default;
  virtual void hear(const AccountNews& news) = 0;
};

/// All in the event loop's thread.
class AccountBoard {
 public:
  void add(AccountListener& listener) { listeners_.insert(&listener); }
  void remove(AccountListener& listener) { listeners_.erase(&listener); }
  void tell(const AccountNews& news) const {
    for (auto* listener : listeners_) listener->hear(news);
  }

 private:
  std::set<AccountListener*> listeners_;
};

}  // namespace pennypost::imap
