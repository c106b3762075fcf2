// Opens the mail of other users of this host for a session, and knows who shares with whom.
//
// Only own users share mailboxes, with each other, in Maildirs: their mail belongs to one uid, so
// that a worker may reach all of it. A system user's mail belongs to that user alone. A worker
// reads users_map itself; a table that virtual_mail_owner may not read serves no shared mailboxes.
//
// Thread-safe; one for all sessions of a process.
//
// SEE ALSO   shared_store.h (who asks), share_register.h
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "store/accounts/accounts.h"
#include "store/mailbox/mailbox.h"
#include "store/sharing/share_register.h"

namespace pennypost::store {

class OtherUsers {
 public:
  /// Fills in what the process adds to an account's settings.
  using Complete = std::function<void(StoreSettings&)>;

  OtherUsers(std::shared_ptr<const Config> config, Complete complete);

  /// Whether this account may share mailboxes, and see those of others.
  static bool may_share(const Config& config, const AccountRef& account);

  /// The mail of an own user; null if there is none of that name, or it can't be shared.
  /// `separator` stands between the levels of its names, `\0`: the one of the user's own sessions.
  Result<std::unique_ptr<MailStore>> open(const std::string& owner, char separator = '\0');
  ShareRegister& shares() { return shares_; }
  const Config& config() const { return *config_; }

 private:
  Result<Accounts> accounts();

  std::shared_ptr<const Config> config_;
  Complete complete_;
  ShareRegister shares_;
  std::mutex mutex_;  // guards what follows
  std::optional<Accounts> accounts_;
};

}  // namespace pennypost::store
