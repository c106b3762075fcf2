// One Maildir folder in, an open Mailbox out.
//
// sync() lists new/ and cur/ only when their mtimes say so, matches base names with
// dovecot-uidlist, and gives UIDs to what has none. When only new/ has changed, only that is
// listed. Other programs rename files at any time: readdir() may then miss a file, so the listing
// is repeated when cur/ changed meanwhile, and a message counts as expunged only when several
// listings lack it; an operation that meets ENOENT looks for the file's new name and tries again.
//
// A change of our own in cur/ also changes its mtime. It is then not listed again at once, but
// after `trust_ns`, lest a change that another program made in the same moment stays unseen.
//
// SEE ALSO   ../mailbox/mailbox.h (the contract), uidlist.h, keywords.h, filename.h
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/index/modseqs.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/keywords.h"
#include "store/maildir/layout.h"
#include "store/maildir/uidlist.h"

namespace pennypost::store {

class MaildirFolder final : public Mailbox {
 public:
  MaildirFolder(std::shared_ptr<const MaildirLayout> layout, MailboxName name, Access access);

  const MailboxName& name() const override { return name_; }
  Access access() const override { return access_; }
  std::uint32_t uid_validity() const override { return uidlist_.uid_validity(); }
  Uid uid_next() const override { return uidlist_.uid_next(); }
  ModSeq highest_modseq() const override { return modseqs_.highest(); }
  std::span<const Message> messages() const override { return messages_; }
  const std::vector<std::string>& keywords() const override { return keywords_.names(); }

  Result<Changes> sync() override;
  Result<std::uint64_t> octets(Uid uid) override;
  Result<std::int64_t> internal_date(Uid uid) override;
  Result<MessageReader> open(Uid uid) override;
  Result<Stored> store(std::span<const Uid> uids, const FlagChange& change) override;
  Result<std::vector<Uid>> expunge(std::span<const Uid> uids) override;
  Result<Copied> copy(std::span<const Uid> uids, const MailboxName& target) override;
  Result<Copied> move(std::span<const Uid> uids, const MailboxName& target) override;
  std::vector<std::string> watch_paths() const override;
  std::optional<std::string> cached(Uid uid, CacheItem item) override;
  void cache(Uid uid, CacheItem item, std::string_view value) override;

  /// Of the file as stored, for STATUS SIZE and quota; from its name where that has S=.
  Result<std::uint64_t> stored_bytes(Uid uid);

 private:
  // A message's file; parallel to messages_.
  struct File {
    std::string name;
    bool in_new = false;
    std::optional<std::uint64_t> octets;
    std::optional<std::int64_t> date;
  };
  // A file as a listing saw it; the listing holds the name.
  struct Found {
    std::string_view name;
    bool in_new = false;
    bool recent = false;
    std::optional<Uid> uid;
  };
  // The files of new/ and cur/, each base name once; what is added later counts.
  class Listing {
   public:
    explicit Listing(std::size_t expected) { by_base_.reserve(expected); }
    void add(std::string_view filename, bool in_new);
    Found* find(std::string_view base);
    std::string_view keep(std::string name);
    std::deque<Found>& files() { return files_; }
    bool lacks_uids() const;

   private:
    std::deque<std::string> names_;
    std::deque<Found> files_;
    std::unordered_map<std::string_view, Found*> by_base_;
  };
  // What is on disk, as far as mtimes tell.
  struct Stamps {
    FileStamp fresh;  // of new/
    FileStamp cur;
    FileStamp uidlist;
    FileStamp keywords;
    std::int64_t taken_at_ns = 0;
    std::int64_t list_again_at_ns = 0;  // 0: cur's stamp is not from a change of our own
  };

  Stamps take_stamps() const;
  bool cur_is_known(const Stamps& now) const;
  bool nothing_happened(const Stamps& now) const;
  Result<bool> sync_new(const Stamps& now, Changes& changes);
  Result<void> sync_all(Stamps now, Changes& changes);
  Result<void> list(std::string_view part, Listing& listing) const;
  Result<void> list_both(Listing& listing) const;
  Result<void> list_files(const Stamps& now, Listing& listing) const;
  bool lacks_known(Listing& listing) const;
  void match(Listing& listing) const;
  Result<bool> give_uids(Listing& listing, bool is_whole);
  Result<void> drop_stale_records(Listing& listing, const Dotlock& held);
  bool make_current(Listing& listing) const;
  void adopt(Listing& listing, Changes& changes);
  FileStamp stamp_of_cur() const;
  void changed_cur(const FileStamp& before);

  std::string path(const File& file) const;
  std::optional<std::size_t> index_of(Uid uid) const;
  Result<std::size_t> require(Uid uid) const;
  Result<bool> locate(File& file);
  Result<bool> with_file(std::size_t index,
                         const std::function<bool(const std::string& path)>& attempt,
                         std::string_view verb);
  Result<KeywordSet> keyword_set(const FlagChange& change);
  Result<bool> store_one(std::size_t index, const FlagChange& change, KeywordSet keywords);
  Result<Copied> transfer(std::span<const Uid> uids, const MailboxName& target, bool grows);
  std::string name_of_copy(const File& file) const;
  Result<void> copy_file(std::size_t index, const std::string& target);

  std::shared_ptr<const MaildirLayout> layout_;
  MailboxName name_;
  Access access_;
  std::string directory_;
  UidList uidlist_;
  KeywordFile keywords_;
  std::vector<std::string> keywords_told_;
  std::vector<Message> messages_;
  std::vector<File> files_;
  Uid last_uid_{0};       // the greatest ever in messages_
  Uid explained_uid_{0};  // the greatest whose file was looked for in a whole listing
  std::uint32_t seen_uid_validity_ = 0;
  ModSeqs modseqs_;
  Stamps stamps_;
  bool listed_ = false;  // stamps_ and files_ hold something
};

}  // namespace pennypost::store
