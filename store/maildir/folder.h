// Implements an open Maildir folder: one session's view of a SharedFolder.
//
// SEE ALSO   ../mailbox/mailbox.h (the contract), shared_folder.h (how the folder is read)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/cached_values.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/draft.h"
#include "store/maildir/layout.h"
#include "store/maildir/shared_folder.h"

namespace pennypost::store {

class MaildirFolder final : public Mailbox {
 public:
  /// Call sync() before anything else.
  MaildirFolder(std::shared_ptr<const MaildirLayout> layout, MailboxName name, Access access);

  const MailboxName& name() const override { return name_; }
  Access access() const override { return access_; }
  std::uint32_t uid_validity() const override { return view_.state->uid_validity; }
  Uid uid_next() const override { return view_.state->uid_next; }
  ModSeq highest_modseq() const override { return view_.state->highest; }
  std::span<const Message> messages() const override { return view_.state->messages; }
  const std::vector<std::string>& keywords() const override { return view_.state->keywords; }
  bool is_recent(Uid uid) const override { return view_.has_recent(uid); }

  Result<Changes> sync() override;
  Result<std::uint64_t> octets(Uid uid) override;
  Result<std::uint64_t> stored_bytes(Uid uid) override;
  Result<std::int64_t> internal_date(Uid uid) override;
  Result<std::optional<std::int64_t>> save_date(Uid uid) override;
  Result<MessageReader> open(Uid uid) override;
  std::optional<MessageReader> open_now(Uid uid) override;
  Result<Stored> store(std::span<const Uid> uids, const FlagChange& change) override;
  Result<std::vector<Uid>> expunge(std::span<const Uid> uids) override;
  Result<Copied> copy(std::span<const Uid> uids, const MailboxName& target,
                      Missing missing) override;
  Result<Copied> move(std::span<const Uid> uids, const MailboxName& target,
                      Missing missing) override;
  std::vector<std::string> watch_paths() const override;
  std::optional<std::string> cached(Uid uid, CacheItem item) override;
  void cache(Uid uid, CacheItem item, std::string_view value) override;

  std::string_view file_name(Uid uid) const override;
  std::string id() const override;
  std::optional<std::vector<Uid>> expunged_since(ModSeq since) const override {
    return known_->expunged_since(since);
  }
  void count_on() override { known_->count_on(view_); }
  Result<std::vector<StoredIds>> stored_ids() override { return known_->stored_ids(view_); }
  Result<void> keep_unique_ids(std::span<const StoredIds> ids) override {
    return known_->keep_unique_ids(view_, ids);
  }

  void forget_octets_unless(Uid uid, std::uint64_t stored);

 private:
  Result<std::size_t> require(Uid uid) const;
  Result<void> reach(Uid uid, const std::function<bool(const std::string& path)>& attempt,
                     std::string_view verb);
  Result<struct stat> status_of(Uid uid);
  Result<Copied> transfer(std::span<const Uid> uids, const MailboxName& target, Missing missing,
                          bool grows);
  std::string name_of_copy(std::size_t index, std::uint64_t stored) const;
  Result<Draft> copy_file(Uid uid, const std::string& directory);

  std::shared_ptr<const MaildirLayout> layout_;
  MailboxName name_;
  Access access_;
  std::shared_ptr<SharedFolder> known_;
  SharedFolder::View view_;
  CachedValues values_;
};

}  // namespace pennypost::store
