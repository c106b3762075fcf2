// Puts mailboxes of one account into its index of words in short steps, and takes out those that
// are gone.
//
// Who runs the steps has the time between them: a session, a delivery or the end of the process
// does not wait for more than one. The index is opened with the first step that needs it, and stays
// open, and locked, until let_go(). One that turns out to be damaged is removed, and the mailbox
// begun anew, once.
//
// These calls block on the disk; an object is used by one thread at a time.
//
// SEE ALSO   folder_indexer.h (a mailbox), word_sweep.h (those that are gone), word_follower.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/async/loop.h"
#include "store/indexing/folder_indexer.h"
#include "store/indexing/word_sweep.h"

namespace pennypost::store {

class WordJob {
 public:
  /// After Next::Retry: how long to wait, and how often, for another program to give a lock back.
  static constexpr Duration retry_pause{500};
  static constexpr int retries_max = 120;

  struct Settings {
    std::string directory;  // of the index
    std::uint64_t octets_max = 0;
    AttachmentDecoder decoder;
  };
  WordJob(std::unique_ptr<MailStore> store, Settings settings);

  enum class IfNone { Leave, Make };  // where there is no index
  /// The steps that follow put this mailbox in, unless it is another user's; nothing: they take out
  /// the mailboxes that are gone.
  void begin(std::optional<MailboxName> name, IfNone if_none);
  enum class Next {
    Step,
    Retry,  // after a pause: another program writes the index, or has locked the mailbox
    End,    // all is done, or can't be
  };
  Next step();
  /// Why the last step did not do what it should; nothing if it did.
  const std::optional<Error>& failure() const { return failure_; }
  /// Closes the mailbox and the index; what is not written yet is dropped.
  void let_go();
  /// The same, and writes the index anew, smaller, if many messages were put in.
  Result<void> finish();

  MailStore& store() { return *store_; }
  /// How many messages of the mailbox are to be put in, and how many are.
  std::size_t wanted() const { return indexer_ ? indexer_->wanted() : 0; }
  std::size_t done() const { return indexer_ ? indexer_->done() : 0; }

 private:
  Result<bool> go_on();
  Result<bool> sweep();
  void close_mailbox();

  std::unique_ptr<MailStore> store_;
  Settings settings_;
  std::optional<MailboxName> name_;
  IfNone if_none_ = IfNone::Leave;
  bool may_begin_anew_ = true;
  std::optional<Error> failure_;
  // In the order in which they are made: each is used by those below.
  std::unique_ptr<WordWriter> writer_;
  std::unique_ptr<Mailbox> mailbox_;
  std::optional<FolderIndexer> indexer_;
  std::optional<WordSweep> sweep_;
  std::size_t put_in_ = 0;
};

}  // namespace pennypost::store
