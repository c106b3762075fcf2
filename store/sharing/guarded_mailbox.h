// Passes on to a mailbox what its visitor has the rights for, and copies messages between the
// mailboxes of different users.
//
// Of flags only those are changed that the visitor may change, as RFC 4314 section 4 asks for: it
// is an error only if none of them may be. A copy gets only such flags as the visitor may set in
// the target.
//
// LIMITS    message_octets_max, batch_octets_max
// SEE ALSO  shared_store.h (who makes it, who knows the rights)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/sharing/shared_store.h"

namespace pennypost::store {

/// What these rights let change.
Changeable changeable_with(Rights rights);

class GuardedMailbox final : public Mailbox {
 public:
  /// The longest message that is copied from one user to another.
  static constexpr std::uint64_t message_octets_max = 512 << 20;
  /// So much is held in memory, beside one message, while messages are copied.
  static constexpr std::uint64_t batch_octets_max = 1 << 20;

  /// `store` outlives it.
  GuardedMailbox(SharedStore& store, SharedStore::Place place, std::unique_ptr<Mailbox> inner)
      : store_(store), place_(std::move(place)), inner_(std::move(inner)) {}

  const MailboxName& name() const override { return place_.shown; }
  Access access() const override { return inner_->access(); }
  Changeable changeable() const override { return changeable_with(place_.rights); }
  std::uint32_t uid_validity() const override { return inner_->uid_validity(); }
  Uid uid_next() const override { return inner_->uid_next(); }
  ModSeq highest_modseq() const override { return inner_->highest_modseq(); }
  std::span<const Message> messages() const override { return inner_->messages(); }
  const std::vector<std::string>& keywords() const override { return inner_->keywords(); }
  bool is_recent(Uid uid) const override { return inner_->is_recent(uid); }
  std::string_view file_name(Uid uid) const override { return inner_->file_name(uid); }
  Result<std::vector<StoredIds>> stored_ids() override { return inner_->stored_ids(); }
  Result<void> keep_unique_ids(std::span<const StoredIds> ids) override {
    return inner_->keep_unique_ids(ids);
  }
  std::string id() const override { return inner_->id(); }
  Result<std::optional<std::int64_t>> save_date(Uid uid) override { return inner_->save_date(uid); }
  std::optional<std::vector<Uid>> expunged_since(ModSeq since) const override {
    return inner_->expunged_since(since);
  }
  void count_on() override { inner_->count_on(); }
  Result<Changes> sync() override;
  Result<std::uint64_t> octets(Uid uid) override { return inner_->octets(uid); }
  Result<std::uint64_t> stored_bytes(Uid uid) override { return inner_->stored_bytes(uid); }
  Result<std::int64_t> internal_date(Uid uid) override { return inner_->internal_date(uid); }
  Result<MessageReader> open(Uid uid) override;
  std::optional<MessageReader> open_now(Uid uid) override;
  std::vector<std::string> watch_paths() const override { return inner_->watch_paths(); }
  std::optional<std::string> cached(Uid uid, CacheItem item) override {
    return inner_->cached(uid, item);
  }
  void cache(Uid uid, CacheItem item, std::string_view value) override {
    inner_->cache(uid, item, value);
  }

  Result<Stored> store(std::span<const Uid> uids, const FlagChange& change) override;
  Result<std::vector<Uid>> expunge(std::span<const Uid> uids) override;
  Result<Copied> copy(std::span<const Uid> uids, const MailboxName& target,
                      Missing missing) override;
  Result<Copied> move(std::span<const Uid> uids, const MailboxName& target,
                      Missing missing) override;

 private:
  Result<Stored> replace_some(std::span<const Uid> uids, const FlagChange& change,
                              const Changeable& may);
  Result<Copied> copy_across(std::span<const Uid> uids, SharedStore::Place& to, Missing missing);
  Result<NewMessage> read_message(const Message& message, const SharedStore::Place& to,
                                  std::string& text);
  Result<void> put(SharedStore::Place& to, std::vector<NewMessage>& batch, Copied& copied);
  static void take_back(SharedStore::Place& to, const Copied& copied);

  SharedStore& store_;
  SharedStore::Place place_;
  std::unique_ptr<Mailbox> inner_;
};

}  // namespace pennypost::store
