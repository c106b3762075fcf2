// An account's mboxes in, the paths of its folders and of what is kept beside them out.
//
//   INBOX               the file that INBOX= names
//   ROOT/a/b            the folder a/b (modified UTF-7); a is a directory, where no messages can be
//   .x, x.lock          are no folders, nor is what INBOX= or INDEX= puts below ROOT
//   ROOT/.subscriptions
//   INDEX/.imap/.pennypost                  what is kept beside (state.h)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/mailbox/folders.h"
#include "store/mailbox/mailbox.h"
#include "store/mbox/journal.h"
#include "store/mbox/lock.h"
#include "store/mbox/state.h"

namespace pennypost::store {

/// Immutable, so that a store and its open folders share it.
class MboxLayout {
 public:
  MboxLayout(MailLocation location, StoreSettings settings)
      : location_(std::move(location)),
        settings_(std::move(settings)),
        state_(location_.index, settings_.fsync) {}

  const MailLocation& location() const { return location_; }
  const std::string& root() const { return location_.root; }
  const StoreSettings& settings() const { return settings_; }

  std::string file(const MailboxName& name) const;
  /// Where it would be if INBOX were a folder as others: for INBOX, where those below it are.
  std::string path_below_root(const MailboxName& name) const;
  /// Cannot for a name whose file is INBOX's, or lies in the directory where INDEX is.
  Result<void> check(const MailboxName& name) const;
  /// What is there; nothing where there is nothing, or what is neither file nor directory. Of INBOX
  /// whether others can be below it: Mailbox or Leaf.
  std::optional<FolderKind> kind(const MailboxName& name) const;
  /// Whether its name is taken, be it by what is no folder.
  bool is_there(const MailboxName& name) const;
  bool exists(const MailboxName& name) const;
  /// NonExistent unless it exists or is INBOX; Cannot for a directory.
  Result<void> require(const MailboxName& name) const;
  /// Makes the directories above the file.
  Result<void> prepare(const MailboxName& name) const;

  /// Locks for writing, and finishes a rewrite that a crash has interrupted. Makes the file where
  /// it is missing.
  Result<MboxLock> lock(const MailboxName& name) const;
  /// The same of a file that is there; else NonExistent. INBOX is made all the same.
  Result<MboxLock> lock_existing(const MailboxName& name) const;
  /// How long other programs' locks are waited for.
  std::chrono::milliseconds lock_patience() const { return mbox_lock_patience(settings_); }
  /// For a rewrite of the mbox, which is open and locked.
  Result<MboxJournal> new_journal(const MailboxName& name, int descriptor) const;
  const MboxState& state() const { return state_; }

 private:
  Result<void> recover(const MailboxName& name, int descriptor) const;

  MailLocation location_;
  StoreSettings settings_;
  MboxState state_;
};

}  // namespace pennypost::store
