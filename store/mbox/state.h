// Keeps what an mbox can't hold itself: its UIDs while it is empty, and a rewrite in progress.
//
//   INDEX/.imap/.pennypost/a%2Fb.state      "uidvalidity next-uid", for when the mbox is empty
//   INDEX/.imap/.pennypost/a%2Fb.journal    a rewrite in progress (journal.h)
//   INDEX/.imap/.pennypost/a%2Fb.reserve    64 KiB for a removal on a full disk (gap.h)
//   INDEX/.imap/.pennypost/a%2Fb.meta       its annotations (../mailbox/annotations.h)
//   INDEX/.imap/.pennypost/%account.meta    those of the account
//   INDEX/.imap/.pennypost/uidvalidity      the last one assigned
//
// A journal overwrites mail, so whoever could plant one could forge messages. Both directories are
// used only if the account owns them and nobody else may write to them, and each file likewise.
// Otherwise every call that needs them is refused with 451 NoPerm and the remedy. The directory is
// made when there is first something to keep, so delivery alone does not create it.
//
// On a full disk, numbers overwrite the old ones in their file, which needs no space.
//
// SEE ALSO   layout.h (the paths of the mboxes), ../mailbox/file_place.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "store/mailbox/file_place.h"
#include "store/mailbox/mailbox.h"
#include "store/mbox/disk.h"

namespace pennypost::store {

class MboxState {
 public:
  /// `index` is MailLocation::index; empty: nothing is kept, and nothing is there.
  MboxState(const std::string& index, bool fsync, MboxDisk& disk = MboxDisk::system());

  struct Uids {
    std::uint32_t uid_validity = 0;
    std::uint32_t next_uid = 1;
  };
  /// Nothing if nothing valid is kept.
  Result<std::optional<Uids>> uids(const MailboxName& name) const;
  Result<void> keep(const MailboxName& name, const Uids& uids) const;
  /// Forgets a mailbox that was removed or renamed.
  Result<void> forget(const MailboxName& name) const;
  /// Greater than any given before, at least the time in seconds.
  Result<std::uint32_t> new_uid_validity(const Clock& clock) const;

  /// The path of the annotations of a mailbox, or of the account; makes the directory.
  Result<std::string> annotations(const std::optional<MailboxName>& name) const;
  /// As the file of the mailbox's annotations is now.
  FileStamp annotations_stamp(const MailboxName& name) const;
  /// A mailbox is renamed.
  Result<void> move_annotations(const MailboxName& from, const MailboxName& to) const;

  /// The mailbox's journal and reserve, if they are there.
  struct LeftByRewrite {
    std::optional<FilePlace> journal;
    std::optional<FilePlace> reserve;
  };
  Result<LeftByRewrite> left_by_rewrite(const MailboxName& name) const;
  /// Where to create them.
  Result<FilePlace> new_journal(const MailboxName& name) const;
  Result<FilePlace> new_reserve(const MailboxName& name) const;

 private:
  enum class Missing { Make, Leave };
  /// The directory, open and judged; null where it is missing.
  Result<std::shared_ptr<const Descriptor>> open(Missing missing) const;
  Result<std::optional<FilePlace>> existing(const std::string& name) const;
  Result<std::optional<FilePlace>> existing(std::shared_ptr<const Descriptor> directory,
                                            const std::string& name) const;
  Result<std::optional<std::string>> read(const FilePlace& place) const;
  Result<void> replace(const FilePlace& place, std::string_view text) const;
  Result<void> overwrite(const FilePlace& place, std::string_view text) const;

  std::string path_;  // of the directory; empty: none
  bool fsync_;
  MboxDisk& disk_;
};

}  // namespace pennypost::store
