// Locks the mboxes of an account while a command of root's copies them.
//
// The lock is taken as the account, so that neither it nor a recovery of an interrupted rewrite
// reaches a file that the account could not. Journals and reserves beside the mboxes are left out
// of a backup: once the lock is there, there is nothing in them.
//
// LIMITS  Credentials belong to the whole process: nothing else may run in it meanwhile.
// SEE ALSO   ../../store/mbox/layout.h
#pragma once

#include <sys/types.h>

#include <optional>

#include "smtpd/backup/copier.h"
#include "smtpd/backup/places.h"

namespace pennypost::smtp {

/// Has an account's rights, and only those, until destroyed. Without root it does nothing.
class ActingAccount {
 public:
  /// Error: the account's groups can't be taken on.
  static Result<ActingAccount> take(const Config& config, const store::AccountRef& account);
  ActingAccount(ActingAccount&& other) noexcept
      : is_acting_(std::exchange(other.is_acting_, false)) {}
  ActingAccount& operator=(ActingAccount&&) = delete;
  ~ActingAccount();

 private:
  explicit ActingAccount(bool is_acting) : is_acting_(is_acting) {}
  bool is_acting_;
};

/// For Copier::add() of the account's places; none if its mail is no mbox.
Copier::TakeLock mbox_lock(std::shared_ptr<const Config> config, const MailPlace& place);

}  // namespace pennypost::smtp
