// One open mbox folder: its messages as a session sees them, and the changes a session makes.
//
// When the file has changed it is read once, under lock. Messages without a valid UID get one, and
// fields for flags and keywords, by a rewrite from the first of them on: new mail arrives at the
// end, so the rewrite is short. Flags change in place as long as they fit into the padding of their
// fields. The session's view (messages_) follows the file (entries_) at sync() only.
//
// On a full disk sessions still work: UIDs and flags for which the file has no space are remembered
// until there is space or the session ends (unwritten.h), and messages can be removed (writer.h).
//
// SEE ALSO   ../mailbox/mailbox.h (the contract), format.h, scan.h, journal.h
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/index/cached_values.h"
#include "store/index/modseqs.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/mbox/layout.h"
#include "store/mbox/scan.h"
#include "store/mbox/unwritten.h"
#include "store/mbox/writer.h"

namespace pennypost::store {

class MboxFolder final : public Mailbox {
 public:
  MboxFolder(std::shared_ptr<const MboxLayout> layout, MailboxName name, Access access);

  const MailboxName& name() const override { return name_; }
  Access access() const override { return access_; }
  std::uint32_t uid_validity() const override { return base_.uid_validity; }
  Uid uid_next() const override { return Uid(base_.last_uid + 1); }
  ModSeq highest_modseq() const override { return modseqs_.highest(); }
  std::span<const Message> messages() const override { return messages_; }
  const std::vector<std::string>& keywords() const override { return keywords_; }

  Result<Changes> sync() override;
  Result<std::uint64_t> octets(Uid uid) override;
  Result<std::int64_t> internal_date(Uid uid) override;
  Result<MessageReader> open(Uid uid) override;
  Result<Stored> store(std::span<const Uid> uids, const FlagChange& change) override;
  Result<std::vector<Uid>> expunge(std::span<const Uid> uids) override;
  Result<Copied> copy(std::span<const Uid> uids, const MailboxName& target,
                      Missing missing) override;
  Result<Copied> move(std::span<const Uid> uids, const MailboxName& target,
                      Missing missing) override;
  std::vector<std::string> watch_paths() const override { return {path_}; }
  bool is_recent(Uid uid) const override { return recent_.contains(uid); }
  std::optional<std::vector<Uid>> expunged_since(ModSeq since) const override {
    return modseqs_.expunged_since(since);
  }
  void count_on() override { modseqs_.count_on(); }
  std::optional<std::string> cached(Uid uid, CacheItem item) override;
  void cache(Uid uid, CacheItem item, std::string_view value) override;

  /// Appends messages durably, all or none.
  Result<Appended> append(std::span<const NewMessage> messages, NoRoom no_room = NoRoom::Refuse);

 private:
  bool is_current(const FileStamp& stamp) const;
  Result<MboxLock> lock_current();
  Result<void> read(int descriptor);
  Result<void> read_if_changed(int descriptor);
  Result<void> note_stamp(int descriptor);
  Result<void> settle_base(std::vector<MboxPlan>& plans);
  Result<std::uint32_t> new_uid_validity();
  Result<void> keep_uids(std::uint32_t last_uid);
  Changes adopt();
  std::vector<MboxPlan> plans() const;
  bool may_write_now() const;
  static bool is_changed(const std::vector<MboxPlan>& plans);
  static Result<void> or_no_room(Result<void> outcome);
  Result<void> write(int descriptor, const std::vector<MboxPlan>& plans);
  Result<void> remember(const MboxWriter& writer, int descriptor,
                        const std::vector<MboxPlan>& plans, const Error& why);
  Result<void> remove(int descriptor, const std::vector<MboxPlan>& plans);
  KeywordSet learn_keywords(const std::vector<std::string>& names);
  KeywordSet hash_of_names(KeywordSet set) const;
  Result<KeywordSet> add_keywords(const std::vector<std::string>& names,
                                  NoRoom no_room = NoRoom::Refuse);
  std::optional<std::size_t> entry_of(Uid uid) const;

  std::shared_ptr<const MboxLayout> layout_;
  MailboxName name_;
  Access access_;
  std::string path_;
  MboxBase base_;
  std::vector<std::string> keywords_;
  std::uint32_t uids_kept_ = 0;      // the last UID in the file or its state file
  std::vector<MboxEntry> entries_;   // of the file as last read, each with a UID
  bool is_base_remembered_ = false;  // neither the file nor its state file has base_
  std::uint64_t room_wanted_ = 0;    // for what is in unwritten_
  MboxUnwritten unwritten_;          // what is in entries_ but not in the file
  std::set<Uid> recent_;             // messages that this session was the first to read
  std::vector<Message> messages_;
  std::uint32_t seen_uid_validity_ = 0;
  ModSeqs modseqs_;
  CachedValues values_;
  std::size_t keywords_told_ = 0;
  FileStamp stamp_;
  std::int64_t stamped_at_ns_ = 0;
};

}  // namespace pennypost::store
