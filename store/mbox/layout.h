// An account's mboxes in, the paths of its folders and of what is kept beside them out.
//
//   INBOX               the file that INBOX= names
//   ROOT/a/b            the folder a/b (modified UTF-7); names that begin with a dot are no folders
//   ROOT/.subscriptions
//   INDEX/.imap/.pennypost/a%2Fb.state      "uidvalidity next-uid", for when the mbox is empty
//   INDEX/.imap/.pennypost/a%2Fb.journal    a rewrite under way (journal.h)
//   INDEX/.imap/.pennypost/uidvalidity      the last one given
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/mailbox/mailbox.h"
#include "store/mbox/journal.h"
#include "store/mbox/lock.h"

namespace pennypost::store {

/// Immutable, so that a store and its open folders share it.
class MboxLayout {
 public:
  MboxLayout(MailLocation location, StoreSettings settings)
      : location_(std::move(location)), settings_(std::move(settings)) {}

  const MailLocation& location() const { return location_; }
  const std::string& root() const { return location_.root; }
  const StoreSettings& settings() const { return settings_; }

  std::string file(const MailboxName& name) const;
  bool exists(const MailboxName& name) const;
  /// [NONEXISTENT] unless it exists or is INBOX.
  Result<void> require(const MailboxName& name) const;
  /// Makes the directories above the file, and those for what is beside.
  Result<void> prepare(const MailboxName& name) const;

  /// Locks for writing, and finishes a rewrite that a crash has interrupted. Makes the file where
  /// it is missing.
  Result<MboxLock> lock(const MailboxName& name) const;
  /// The same of a file that is there; else [NONEXISTENT]. INBOX is made all the same.
  Result<MboxLock> lock_existing(const MailboxName& name) const;
  /// How long other programs' locks are waited for.
  std::chrono::milliseconds lock_patience() const { return mbox_lock_patience(settings_); }
  MboxJournal journal(const MailboxName& name, int descriptor) const;

  struct State {
    std::uint32_t uid_validity = 0;
    std::uint32_t next_uid = 1;
  };
  std::optional<State> state(const MailboxName& name) const;
  Result<void> keep_state(const MailboxName& name, const State& state) const;
  void forget_state(const MailboxName& name) const;
  /// Greater than any given before, at least the time in seconds.
  Result<std::uint32_t> new_uid_validity() const;

 private:
  std::string directory_beside() const { return location_.index + "/.imap/.pennypost"; }
  std::string beside(const MailboxName& name, const char* suffix) const;

  MailLocation location_;
  StoreSettings settings_;
};

}  // namespace pennypost::store
