// Assigns mod-sequences to the messages of one open folder: from the index, or counted here if
// there is none.
//
// STANDARDS  RFC 7162 sections 3.1 and 3.2
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/index/index.h"

namespace pennypost::store {

/// Belongs to one open folder.
class ModSeqs {
 public:
  ModSeqs(Index* index, const Clock& clock);

  /// For a format in which each session numbers the keywords itself: what stands for a set of them
  /// in the index, the same in all sessions. Without it, the set itself does.
  using KeywordsKey = std::function<KeywordSet(KeywordSet)>;
  void know_keywords_by(KeywordsKey key) { keywords_key_ = std::move(key); }

  /// Must be called first, and again when UIDVALIDITY has changed.
  void name_folder(std::string identity, std::uint32_t uid_validity);
  ModSeq highest() const { return highest_; }
  const Index::Folder& folder() const { return folder_; }
  /// Continues from the highest of another object; false if the index has a different one.
  bool resume(ModSeq highest);

  /// As Mailbox::expunged_since().
  std::optional<std::vector<Uid>> expunged_since(ModSeq since) const;

  /// Fills in the modseq of all messages of a folder just read for the first time.
  void load(std::vector<Message>& messages);
  /// Fills in the modseq of those of `messages` that are in `changed`; both ascending.
  void settle(std::vector<Message>& messages, std::span<const Uid> changed,
              std::span<const Uid> gone);
  /// For messages that look as before, though others have changed them and changed them back: takes
  /// over the modseq that the index has now. Their UIDs, ascending; those with modseq 0 are left to
  /// settle(), which is to be called after this.
  std::vector<Uid> take_over(std::vector<Message>& messages);
  /// Raises highest() if the file of the folder's annotations has changed, also while no process
  /// had the folder open. Whether it has grown.
  bool note_annotations(const FileStamp& file);
  /// Raises highest() for another change that concerns no message.
  void count_on();

 private:
  std::uint64_t least_now() const;
  KeywordSet key_of(KeywordSet keywords) const {
    return keywords_key_ ? keywords_key_(keywords) : keywords;
  }

  Index* index_;
  const Clock& clock_;
  KeywordsKey keywords_key_;
  Index::Folder folder_;
  ModSeq highest_;
  /// As noted last; nothing: not yet.
  std::optional<FileStamp> annotations_;
};

}  // namespace pennypost::store
