#include "popd/maildrop.h"

#include <algorithm>

#include "common/log/log.h"
#include "store/stores/stores.h"

namespace pennypost::pop {

Result<std::unique_ptr<Maildrop>> Maildrop::open(const std::string& mail_location,
                                                 store::StoreSettings settings,
                                                 const store::MailEvents& events) {
  TRY(auto location, store::MailLocation::parse(mail_location, {}));
  auto drop = std::make_unique<Maildrop>();
  drop->store_ = store::open_store(std::move(location), std::move(settings));
  TRY(auto mailbox, drop->store_->open(store::MailboxName::inbox(), store::Access::ReadWrite));
  drop->mailbox_ = events.logged(std::move(mailbox));
  auto messages = drop->mailbox_->messages();
  drop->entries_.reserve(messages.size());
  for (const auto& message : messages) {
    auto octets = drop->mailbox_->octets(message.uid);
    if (!octets) {
      // Removed by another program since the mailbox was listed: not part of this session.
      if (!octets.error().is_temporary()) continue;
      return Error(std::move(octets).error());
    }
    Entry entry{message.uid};
    entry.octets = *octets;
    drop->entries_.push_back(entry);
    drop->octets_ += entry.octets;
  }
  drop->count_ = drop->entries_.size();
  TRY(drop->stored_ids_, drop->mailbox_->stored_ids());
  return drop;
}

std::string Maildrop::unique_id(const Entry& entry, const UniqueIdFormat& format) const {
  UniqueIdParts parts;
  parts.uid = entry.uid.value();
  parts.uid_validity = mailbox_->uid_validity();
  parts.file = parts.guid = mailbox_->file_name(entry.uid);
  auto stored = std::ranges::lower_bound(stored_ids_, entry.uid, {}, &store::StoredIds::uid);
  if (stored != stored_ids_.end() && stored->uid == entry.uid) {
    if (is_unique_id(stored->unique_id)) return stored->unique_id;
    if (!stored->guid.empty()) parts.guid = stored->guid;
  }
  if (auto id = format.id(parts)) return *std::move(id);
  auto id = UniqueIdFormat::default_format().id(parts);
  ASSERT(id.has_value());
  return *std::move(id);
}

bool Maildrop::has_files() const {
  return entries_.empty() || !mailbox_->file_name(entries_.front().uid).empty();
}

void Maildrop::mark_deleted(Entry& entry) {
  ASSERT(!entry.is_deleted);
  entry.is_deleted = true;
  --count_;
  octets_ -= entry.octets;
}

void Maildrop::unmark_all() {
  for (auto& entry : entries_) {
    if (entry.is_deleted) {
      ++count_;
      octets_ += entry.octets;
    }
    entry.is_deleted = entry.is_retrieved = false;
  }
}

Result<std::size_t> Maildrop::update(bool mark_seen) {
  std::vector<store::Uid> deleted;
  std::vector<store::Uid> seen;
  for (const auto& entry : entries_) {
    if (entry.is_deleted) {
      deleted.push_back(entry.uid);
    } else if (entry.is_retrieved) {
      const auto* message = mailbox_->find(entry.uid);
      if (message != nullptr && !message->flags.has(store::Flags::Seen)) seen.push_back(entry.uid);
    }
  }
  if (mark_seen && !seen.empty()) {
    store::FlagChange change;
    change.flags = store::Flags::Seen;
    // A full disk may prevent the marking; the removal must go on all the same.
    auto marked = mailbox_->store(seen, change);
    if (!marked && store::is_in_use(marked.error())) return std::move(marked).error();
    if (!marked) log_warning("pop3", "messages can't be marked as seen: " + marked.error().text());
  }
  if (deleted.empty()) return std::size_t{0};
  TRY(auto gone, mailbox_->expunge(deleted));
  if (gone.size() < deleted.size()) {
    // Messages removed by others are fine, those still there are not (RFC 1939 section 6).
    TRY_DO(mailbox_->sync());
    auto left = std::ranges::count_if(
        deleted, [this](store::Uid uid) { return mailbox_->find(uid) != nullptr; });
    if (left > 0) return Error::temporary(std::to_string(left) + " of them are left");
  }
  return gone.size();
}

}  // namespace pennypost::pop
