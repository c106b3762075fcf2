#include "popd/maildrop.h"

#include <algorithm>
#include <map>

#include "common/log/log.h"
#include "common/mail/header.h"
#include "store/stores/stores.h"

namespace pennypost::pop {

namespace {

constexpr std::uint64_t header_octets_max = 64 * 1024;

}  // namespace

MaildropRules MaildropRules::of(const Settings& settings) {
  MaildropRules rules;
  auto format = UniqueIdFormat::parse(settings.pop3_uidl_format);
  if (format) rules.id_format = *std::move(format);
  rules.reuses_x_uidl = settings.pop3_reuse_xuidl;
  rules.renames_duplicate_ids = settings.pop3_uidl_duplicates == "rename";
  rules.deleted_flag = settings.pop3_deleted_flag;
  rules.flags_deleted = !rules.deleted_flag.empty() && settings.pop3_delete_type != "expunge";
  rules.marks_seen = !settings.pop3_no_flag_updates;
  return rules;
}

Result<std::unique_ptr<Maildrop>> Maildrop::open(const std::string& mail_location,
                                                 store::StoreSettings settings, MaildropRules rules,
                                                 const store::MailEvents& events) {
  TRY(auto location, store::MailLocation::parse(mail_location, {}));
  auto drop = std::make_unique<Maildrop>();
  drop->rules_ = std::move(rules);
  drop->directory_ = location.index;
  drop->store_ = store::open_store(std::move(location), std::move(settings));
  TRY(auto mailbox, drop->store_->open(store::MailboxName::inbox(), store::Access::ReadWrite));
  drop->mailbox_ = events.logged(std::move(mailbox));
  TRY_DO(drop->take_messages());
  TRY(drop->stored_ids_, drop->mailbox_->stored_ids());
  if (drop->rules_.reuses_x_uidl) {
    TRY_DO(drop->find_x_uidls());
  }
  if (drop->rules_.renames_duplicate_ids) drop->rename_duplicate_ids();
  return drop;
}

Result<void> Maildrop::take_messages() {
  auto messages = mailbox_->messages();
  entries_.reserve(messages.size());
  for (const auto& message : messages) {
    if (!rules_.deleted_flag.empty() && message.keywords != 0) {
      auto names = mailbox_->keyword_names(message.keywords);
      if (std::ranges::find(names, rules_.deleted_flag) != names.end()) continue;
    }
    auto octets = mailbox_->octets(message.uid);
    if (!octets) {
      // Removed by another program since the mailbox was listed: not part of this session.
      if (!octets.error().is_temporary()) continue;
      return std::move(octets).error();
    }
    Entry entry{message.uid};
    entry.octets = *octets;
    entry.was_seen = message.flags.has(store::Flags::Seen);
    entries_.push_back(entry);
    octets_ += entry.octets;
  }
  count_ = entries_.size();
  return {};
}

// The messages are read for this, at each login.
Result<void> Maildrop::find_x_uidls() {
  own_ids_.resize(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto reader = mailbox_->open(entries_[i].uid);
    if (!reader && reader.error().is_temporary()) return std::move(reader).error();
    if (!reader) continue;
    TRY(auto text, reader->header(header_octets_max));
    auto id = HeaderFields(text).value("X-UIDL").value_or("");
    if (is_unique_id(id)) own_ids_[i] = std::move(id);
  }
  return {};
}

void Maildrop::rename_duplicate_ids() {
  own_ids_.resize(entries_.size());
  std::map<std::string, std::size_t> counts;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto id = unique_id(entries_[i]);
    auto count = ++counts[id];
    if (count > 1) own_ids_[i] = id + "-" + std::to_string(count);
  }
}

std::string Maildrop::unique_id(const Entry& entry) const {
  auto stored = std::ranges::lower_bound(stored_ids_, entry.uid, {}, &store::StoredIds::uid);
  bool has_stored = stored != stored_ids_.end() && stored->uid == entry.uid;
  auto own = own_ids_.empty() ? std::string_view()
                              : own_ids_[static_cast<std::size_t>(&entry - entries_.data())];
  bool is_kept = has_stored && is_unique_id(stored->unique_id);
  // A duplicate's own id differs from the kept one by what was appended.
  if (is_kept && !(rules_.renames_duplicate_ids && own.starts_with(stored->unique_id))) {
    return stored->unique_id;
  }
  if (!own.empty()) return std::string(own);
  UniqueIdParts parts;
  parts.uid = entry.uid.value();
  parts.uid_validity = mailbox_->uid_validity();
  parts.file = parts.guid = mailbox_->file_name(entry.uid);
  if (has_stored && !stored->guid.empty()) parts.guid = stored->guid;
  if (auto id = rules_.id_format.id(parts)) return *std::move(id);
  auto id = UniqueIdFormat::default_format().id(parts);
  ASSERT(id.has_value());
  return *std::move(id);
}

Result<void> Maildrop::keep_unique_ids() {
  std::vector<store::StoredIds> ids;
  for (const auto& entry : entries_) {
    auto stored = std::ranges::lower_bound(stored_ids_, entry.uid, {}, &store::StoredIds::uid);
    bool has_stored = stored != stored_ids_.end() && stored->uid == entry.uid;
    if (has_stored && !stored->unique_id.empty()) continue;
    ids.push_back({entry.uid, unique_id(entry), has_stored ? stored->guid : ""});
  }
  if (ids.empty()) return {};
  TRY_DO(mailbox_->keep_unique_ids(ids));
  std::erase_if(stored_ids_, [](const store::StoredIds& one) { return one.unique_id.empty(); });
  stored_ids_.insert(stored_ids_.end(), ids.begin(), ids.end());
  std::ranges::sort(stored_ids_, {}, &store::StoredIds::uid);
  return {};
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

Result<std::size_t> Maildrop::update() {
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
  if (rules_.marks_seen && !seen.empty()) {
    store::FlagChange change;
    change.flags = store::Flags::Seen;
    // A full disk may prevent the marking; the removal must go on all the same.
    auto marked = mailbox_->store(seen, change);
    if (!marked && store::is_in_use(marked.error())) return std::move(marked).error();
    if (!marked) log_warning("pop3", "messages can't be marked as seen: " + marked.error().text());
  }
  if (deleted.empty()) return std::size_t{0};
  if (rules_.flags_deleted) return hide(deleted);
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

Result<std::size_t> Maildrop::hide(const std::vector<store::Uid>& deleted) {
  store::FlagChange change;
  change.keywords = {rules_.deleted_flag};
  TRY(auto stored, mailbox_->store(deleted, change));
  if (stored.failure) return *std::move(stored.failure);
  return deleted.size();
}

}  // namespace pennypost::pop
