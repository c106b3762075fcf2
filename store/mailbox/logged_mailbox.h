// Passes everything on to a mailbox, and logs what a session does with its messages.
//
// SEE ALSO  mail_events.h (who makes it, what is logged)
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/mailbox/mail_events.h"

namespace pennypost::store {

class LoggedMailbox final : public Mailbox {
 public:
  LoggedMailbox(MailEvents events, std::unique_ptr<Mailbox> inner)
      : events_(std::move(events)), inner_(std::move(inner)) {}

  const MailboxName& name() const override { return inner_->name(); }
  Access access() const override { return inner_->access(); }
  Changeable changeable() const override { return inner_->changeable(); }
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
  Result<Changes> sync() override { return inner_->sync(); }
  Result<std::uint64_t> octets(Uid uid) override { return inner_->octets(uid); }
  Result<std::uint64_t> stored_bytes(Uid uid) override { return inner_->stored_bytes(uid); }
  Result<std::int64_t> internal_date(Uid uid) override { return inner_->internal_date(uid); }
  Result<MessageReader> open(Uid uid) override { return inner_->open(uid); }
  std::optional<MessageReader> open_now(Uid uid) override { return inner_->open_now(uid); }
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
  using Event = MailEvents::Event;
  using Known = std::vector<MailEvents::Facts>;  // by uid
  /// What is to be said of these, while they are there; of lines_max at most.
  Known look_at(std::span<const Uid> uids, bool is_wanted);
  void tell_expunged(const Known& known, const std::vector<Uid>& gone) const;
  void tell_copied(const Known& known, const MailboxName& target, const Copied& copied) const;

  MailEvents events_;
  std::unique_ptr<Mailbox> inner_;
};

}  // namespace pennypost::store
