// Knows where an account's Maildir keeps its folders, its quota and its lists, in either layout.
//
//   root/{new,cur,tmp}              INBOX; with LAYOUT=fs it may be elsewhere
//   root/.Sent.2024/{new,cur,tmp}   the folder Sent.2024 (modified UTF-7), with an empty file
//                                   `maildirfolder`
//   root/Sent/2024/{new,cur,tmp}    LAYOUT=fs: the folder Sent/2024; Sent may have no messages
//   root/                           maildirsize, subscriptions, dovecot-uidvalidity,
//                                   pennypost-account-meta (annotations of the account)
//   in each folder                  dovecot-uidlist, dovecot-keywords, pennypost-meta (annotations)
//
// With CONTROL= all but the annotations lie there: those of the root in it, those of a folder in a
// directory as the folder has it below the root, .INBOX or INBOX among them. All this is Dovecot's.
//
// Directories are made with mode 0700 and are durable when a function here returns.
#pragma once

#include <optional>
#include <string>

#include "store/mailbox/disk_names.h"
#include "store/mailbox/folders.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/quota.h"
#include "store/maildir/uidlist.h"

namespace pennypost::store {

/// Immutable, so that a store and its open folders share it.
class MaildirLayout {
 public:
  /// The file with a folder's annotations, in its directory.
  static constexpr std::string_view annotations_name = "/pennypost-meta";

  MaildirLayout(MailLocation location, StoreSettings settings);

  const MailLocation& location() const { return location_; }
  const std::string& root() const { return location_.root; }
  const StoreSettings& settings() const { return settings_; }
  MaildirQuota quota() const { return MaildirQuota(location_, settings_); }
  bool is_fs() const { return location_.is_fs(); }

  /// The separator between the levels of a name: `.` in Maildir++, `/` of LAYOUT=fs.
  char separator_on_disk() const { return is_fs() ? '/' : '.'; }
  /// How clients' names become names on disk.
  const DiskNames& names() const { return names_; }
  /// Cannot for a name that has no place on disk.
  Result<void> check(const MailboxName& name) const;
  /// For a name that check() allows.
  std::string directory(const MailboxName& name) const;
  /// Where the folder's dovecot-uidlist and dovecot-keywords lie.
  std::string control(const MailboxName& name) const;
  /// Where subscriptions and dovecot-uidvalidity lie.
  const std::string& lists() const;
  /// What has this name; nothing if there is no such directory. INBOX is always a Mailbox, since it
  /// is made when needed.
  std::optional<FolderKind> kind(const MailboxName& name) const;
  /// Whether there is a folder with messages.
  bool exists(const MailboxName& name) const { return kind(name) == FolderKind::Mailbox; }
  /// Makes the folder's missing directories.
  Result<void> make(const MailboxName& name) const;
  /// NonExistent if it does not exist, except for INBOX, which is made; Cannot if it can hold only
  /// folders.
  Result<void> require(const MailboxName& name) const;
  UidList uidlist(const MailboxName& name) const;
  /// How long to wait for other programs' locks.
  std::chrono::milliseconds lock_timeout() const { return uidlist_lock_timeout; }

 private:
  std::string entry(const MailboxName& name) const;

  MailLocation location_;
  StoreSettings settings_;
  DiskNames names_;
};

}  // namespace pennypost::store
