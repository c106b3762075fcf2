// Puts the messages of an open mailbox into the index of words, a step at a time.
//
// Messages that have gone are taken out of it, those that are not in it yet are read and put in. A
// step is bounded in octets, and may stop within a message.
//
// SEE ALSO   message_words.h (the words of a message), store/search/word_index.h,
//            word_sweep.h (mailboxes that are gone)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/indexing/message_words.h"
#include "store/mailbox/mailbox.h"
#include "store/search/word_index.h"

namespace pennypost::store {

/// Under what the index knows an open folder.
WordFolder word_folder(const Mailbox& mailbox);
/// The same by what STATUS says of it; `id` may be empty.
WordFolder word_folder(const MailboxName& name, std::string id, std::uint32_t uid_validity);

class FolderIndexer {
 public:
  /// Both outlive it. Of a message with more than `octets_max` only the beginning is read.
  /// What is under way when `decoder` is given up is not put in.
  FolderIndexer(Mailbox& mailbox, WordWriter& writer, std::uint64_t octets_max,
                AttachmentDecoder decoder = {})
      : mailbox_(mailbox), writer_(writer), octets_max_(octets_max), decoder_(std::move(decoder)) {}

  /// Goes on for about `octets`; false when all is done and committed. Messages that another
  /// program has locked are left for the next time.
  Result<bool> run(std::uint64_t octets);
  /// How many messages it has to put in, and how many it has.
  std::size_t wanted() const { return missing_.size(); }
  std::size_t done() const { return next_; }
  /// How many it has put in, and how many that have gone it has taken out.
  std::size_t added() const { return added_; }
  std::size_t dropped() const { return dropped_; }

 private:
  Result<void> begin();
  bool begin_message();

  Mailbox& mailbox_;
  WordWriter& writer_;
  std::uint64_t octets_max_;
  AttachmentDecoder decoder_;
  bool has_begun_ = false;
  std::vector<Uid> missing_;
  std::size_t next_ = 0;
  std::size_t added_ = 0;
  std::size_t dropped_ = 0;
  TermTable terms_;
  std::unique_ptr<MessageWords> words_;  // of the message under way
  bool is_cut_ = false;                  // it was not read to its end
};

}  // namespace pennypost::store
