// Knows where an account's Maildir++ keeps its folders, its quota and its lists.
//
//   root/{new,cur,tmp}              INBOX
//   root/.Sent.2024/{new,cur,tmp}   the folder Sent.2024 (modified UTF-7), with an empty file
//                                   `maildirfolder`
//   root/                           maildirsize, subscriptions, dovecot-uidvalidity,
//                                   pennypost-account-meta (annotations of the account)
//   in each folder                  dovecot-uidlist, dovecot-keywords, pennypost-meta (annotations)
//
// Directories are made with mode 0700 and are durable when a function here returns.
#pragma once

#include <string>

#include "store/mailbox/disk_names.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/quota.h"
#include "store/maildir/uidlist.h"

namespace pennypost::store {

/// Immutable, so that a store and its open folders share it.
class MaildirLayout {
 public:
  MaildirLayout(MailLocation location, StoreSettings settings);

  const MailLocation& location() const { return location_; }
  const std::string& root() const { return location_.root; }
  const StoreSettings& settings() const { return settings_; }
  MaildirQuota quota() const { return MaildirQuota(root(), settings_); }

  /// The separator of Maildir++.
  static constexpr char separator_on_disk = '.';
  /// How clients' names become names on disk.
  const DiskNames& names() const { return names_; }
  /// Cannot for a name that has no place on disk.
  Result<void> check(const MailboxName& name) const;
  /// For a name that check() allows.
  std::string directory(const MailboxName& name) const;
  /// Whether the folder exists; INBOX always does, since it is made when needed.
  bool exists(const MailboxName& name) const;
  /// Makes the folder's missing directories.
  Result<void> make(const MailboxName& name) const;
  /// NonExistent if it does not exist, except for INBOX, which is made.
  Result<void> require(const MailboxName& name) const;
  UidList uidlist(const MailboxName& name) const;
  /// How long to wait for other programs' locks.
  std::chrono::milliseconds lock_timeout() const { return uidlist_lock_timeout; }

 private:
  MailLocation location_;
  StoreSettings settings_;
  DiskNames names_;
};

}  // namespace pennypost::store
