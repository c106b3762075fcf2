// Names the files of an account's mboxes, and opens and locks them.
//
//   INBOX               the file that INBOX= names
//   ROOT/a/b            the folder a/b (modified UTF-7); a is a directory and can hold no messages
//   .x, x.lock          are no folders, nor is what INBOX= or INDEX= puts below ROOT
//   ROOT/.subscriptions
//   INDEX/.imap/.pennypost                  what is kept beside the mboxes (state.h)
//
// SEE ALSO   lock.h, journal.h, gap.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/mailbox/disk_names.h"
#include "store/mailbox/folders.h"
#include "store/mailbox/mailbox.h"
#include "store/mbox/disk.h"
#include "store/mbox/gap.h"
#include "store/mbox/journal.h"
#include "store/mbox/lock.h"
#include "store/mbox/state.h"

namespace pennypost::store {

/// Immutable, so that a store and its open folders share it.
class MboxLayout {
 public:
  MboxLayout(MailLocation location, StoreSettings settings, MboxDisk& disk = MboxDisk::system())
      : location_(std::move(location)),
        settings_(std::move(settings)),
        disk_(disk),
        names_("", '/', '/', '\0'),
        state_(location_.index, settings_.fsync, disk) {}

  const MailLocation& location() const { return location_; }
  const std::string& root() const { return location_.root; }
  const StoreSettings& settings() const { return settings_; }
  MboxDisk& disk() const { return disk_; }
  static constexpr char separator_on_disk() { return '/'; }
  /// Where the list of subscriptions lies.
  const std::string& lists() const { return root(); }
  /// Names are the same outside and on disk.
  const DiskNames& names() const { return names_; }

  std::string file(const MailboxName& name) const;
  /// The path that INBOX would have as an ordinary folder: folders below INBOX are below it.
  std::string path_below_root(const MailboxName& name) const;
  /// Cannot for a name whose file is INBOX's, or is in the directory that INDEX= names.
  Result<void> check(const MailboxName& name) const;
  /// What has this name; nothing if there is neither a file nor a directory. For INBOX: Mailbox if
  /// there can be folders below it, else Leaf.
  std::optional<FolderKind> kind(const MailboxName& name) const;
  /// Whether anything has this name, even if it is not a folder.
  bool is_there(const MailboxName& name) const;
  bool exists(const MailboxName& name) const;
  /// NonExistent unless it exists or is INBOX; Cannot for a directory.
  Result<void> require(const MailboxName& name) const;
  /// Makes the directories above the file.
  Result<void> prepare(const MailboxName& name) const;

  /// Locks for writing, and finishes a rewrite that a crash has interrupted. Creates a missing
  /// file.
  Result<MboxLock> lock(const MailboxName& name) const;
  /// The same, but NonExistent if there is no file. INBOX is created all the same.
  Result<MboxLock> lock_existing(const MailboxName& name) const;
  /// Finishes an interrupted rewrite of the mbox, which is open and locked.
  Result<void> recover(const MailboxName& name, int descriptor) const;
  /// How long to wait for other programs' locks.
  std::chrono::milliseconds lock_timeout() const { return mbox_lock_timeout(settings_); }
  /// For a rewrite of the mbox, which is open and locked.
  Result<MboxJournal> new_journal(const MailboxName& name, int descriptor) const;
  /// For a removal in place; 452 if there is neither a reserve nor space for one.
  Result<MboxGap> new_gap(const MailboxName& name, int descriptor) const;
  /// How many octets of space are left for the files beside the mboxes.
  std::uint64_t room() const { return disk_.room(location_.index); }
  /// Makes the reserve for new_gap(), if it is missing.
  Result<void> lay_out_reserve(const MailboxName& name) const;
  const MboxState& state() const { return state_; }

 private:
  MailLocation location_;
  StoreSettings settings_;
  MboxDisk& disk_;
  DiskNames names_;
  MboxState state_;
};

}  // namespace pennypost::store
