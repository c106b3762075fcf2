// Takes out of the index of words what is not of the account's own mailboxes: those that were
// removed, and, where mailboxes have no ids, those that were renamed.
//
// A mailbox is looked at in each step; only when all are known is anything forgotten.
//
// SEE ALSO   folder_indexer.h (what is in a mailbox)
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "store/mailbox/mailbox.h"
#include "store/search/word_index.h"

namespace pennypost::store {

/// Whether the mailbox is another user's: its words are not for the index of this account, which
/// would keep them when the right to read it is gone.
bool is_others_mailbox(MailStore& store, const MailboxName& name);

class WordSweep {
 public:
  /// Both outlive it.
  WordSweep(MailStore& store, WordWriter& writer) : store_(store), writer_(writer) {}

  /// Looks at the next mailbox; false when all were seen, and the rest is forgotten. The writer is
  /// of no folder then.
  Result<bool> step();
  /// How many messages were forgotten.
  std::size_t forgotten() const { return forgotten_; }

 private:
  MailStore& store_;
  WordWriter& writer_;
  std::optional<std::vector<Folder>> folders_;
  std::size_t next_ = 0;
  std::vector<WordFolder> kept_;
  std::size_t forgotten_ = 0;
};

}  // namespace pennypost::store
