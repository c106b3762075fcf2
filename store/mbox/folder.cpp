#include "store/mbox/folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "common/base/text.h"
#include "common/log/log.h"
#include "store/mailbox/folder_store.h"
#include "store/mbox/writer.h"

namespace pennypost::store {
namespace {

// Remembered changes are written once there is so much more space than they need.
constexpr std::uint64_t spare_octets = 64 << 10;

Error expunged(Uid uid) {
  return Error(550, ResponseCode::Expunged,
               "Message " + std::to_string(uid.value()) + " is no longer there");
}

}  // namespace

MboxFolder::MboxFolder(std::shared_ptr<const MboxLayout> layout, MailboxName name, Access access)
    : layout_(std::move(layout)),
      name_(std::move(name)),
      access_(access),
      path_(layout_->file(name_)),
      modseqs_(layout_->settings().index, *layout_->settings().clock),
      values_(layout_->settings().index) {
  modseqs_.know_keywords_by([this](KeywordSet set) { return hash_of_names(set); });
}

// --- reading -------------------------------------------------------------------------

Result<Changes> MboxFolder::sync() {
  values_.flush();
  if (!is_current(FileStamp::of(path_)) || may_write_now()) {
    TRY(auto lock, layout_->lock_existing(name_));
    TRY_DO(read_if_changed(lock.descriptor()));
    // Still locked: the index must not hear of what was read after it has heard of what another
    // session has made of it.
    return adopt();
  }
  return adopt();
}

bool MboxFolder::is_current(const FileStamp& stamp) const {
  return stamp_.exists() && stamp == stamp_ && stamp_.settled(stamped_at_ns_);
}

Result<void> MboxFolder::read_if_changed(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path_);
  bool is_known = is_current(FileStamp::of(status)) && !may_write_now();
  return is_known ? Result<void>() : read(descriptor);
}

// Whether there is space again for what the file lacks.
bool MboxFolder::may_write_now() const {
  return !unwritten_.empty() && layout_->room() >= room_wanted_;
}

// Locks the file, and reads it if it has changed. A file made anew under the same name is another
// mailbox, with other UIDs.
Result<MboxLock> MboxFolder::lock_current() {
  TRY(auto lock, layout_->lock_existing(name_));
  TRY_DO(read_if_changed(lock.descriptor()));
  bool is_another = seen_uid_validity_ != 0 && base_.uid_validity != seen_uid_validity_;
  if (is_another) return no_such_mailbox(name_);
  return lock;
}

// Reads the file's messages. Each has a UID afterwards, and so has the file unless the disk is
// full.
Result<void> MboxFolder::read(int descriptor) {
  auto messages_max = layout_->settings().messages_max;
  TRY(auto entries, scan_mbox(descriptor, path_, messages_max));
  entries_ = std::move(entries);
  if (!entries_.empty()) {
    auto laid_out = layout_->lay_out_reserve(name_);
    if (!laid_out && !is_no_room(laid_out.error())) return laid_out;
  }
  auto to_write = plans();
  TRY_DO(unwritten_.apply(descriptor, path_, entries_, to_write));
  TRY_DO(settle_base(to_write));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].meta.old) recent_.insert(*to_write[i].meta.uid);
  }
  if (is_changed(to_write)) {
    TRY_DO(write(descriptor, to_write));
  } else {
    unwritten_.clear();
    TRY_DO(or_no_room(keep_uids(base_.last_uid)));
  }
  return note_stamp(descriptor);
}

Result<void> MboxFolder::note_stamp(int descriptor) {
  stamped_at_ns_ = wall_clock_ns();
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path_);
  stamp_ = FileStamp::of(status);
  return {};
}

std::vector<MboxPlan> MboxFolder::plans() const {
  std::vector<MboxPlan> plans;
  plans.reserve(entries_.size());
  for (const auto& entry : entries_) {
    MboxPlan plan;
    plan.meta = entry.meta;
    plan.changed = unwritten_.contains(entry.meta.uid.value_or(Uid(0)));
    plans.push_back(std::move(plan));
  }
  return plans;
}

// Takes UIDVALIDITY and the last UID from the first message or from the state file. A message whose
// UID is missing, or not greater than the one before, gets a new one.
Result<void> MboxFolder::settle_base(std::vector<MboxPlan>& plans) {
  TRY(auto state, layout_->state().uids(name_));
  MboxBase base;
  if (!entries_.empty() && entries_.front().base) base = *entries_.front().base;
  if (base.uid_validity == 0 && state) base.uid_validity = state->uid_validity;
  if (state && state->uid_validity == base.uid_validity) {
    base.last_uid = std::max(base.last_uid, state->next_uid - 1);
  }
  if (base.uid_validity == 0 && is_base_remembered_) base.uid_validity = base_.uid_validity;
  if (base.uid_validity == 0) {
    is_base_remembered_ = true;
    TRY(base.uid_validity, new_uid_validity());
  }
  uids_kept_ = base.last_uid;
  if (base.uid_validity == base_.uid_validity) {
    base.last_uid = std::max(base.last_uid, base_.last_uid);
  }

  std::uint32_t previous = 0;
  std::size_t first_without = 0;
  for (; first_without < plans.size(); ++first_without) {
    const auto& uid = plans[first_without].meta.uid;
    if (!uid || uid->value() <= previous || uid->value() > base.last_uid) break;
    previous = uid->value();
  }
  for (std::size_t i = first_without; i < plans.size(); ++i) {
    if (base.last_uid >= UINT32_MAX - 1)
      return Error(550, ResponseCode::Limit, "the UIDs of " + path_ + " are used up")
          .told("The mailbox's UIDs are used up");
    plans[i].meta.uid = Uid(++base.last_uid);
    plans[i].changed = true;
  }
  if (access_ == Access::ReadWrite) {
    for (auto& plan : plans) {
      plan.changed = plan.changed || !plan.meta.old;
      plan.meta.old = true;
    }
  }
  base_ = std::move(base);
  for (const auto& name : base_.keywords) learn_keywords({name});
  bool base_is_there =
      !entries_.empty() && entries_.front().base && entries_.front().base->value() == base_.value();
  if (!plans.empty() && !base_is_there) plans.front().changed = true;
  return {};
}

// On a full disk the number is valid for this session only.
Result<std::uint32_t> MboxFolder::new_uid_validity() {
  const auto& clock = *layout_->settings().clock;
  auto given = layout_->state().new_uid_validity(clock);
  if (given || !is_no_room(given.error())) return given;
  return static_cast<std::uint32_t>(clock.now_seconds());
}

// UIDs up to this one are not assigned again, even if no message has them.
Result<void> MboxFolder::keep_uids(std::uint32_t last_uid) {
  TRY(auto state, layout_->state().uids(name_));
  MboxState::Uids kept;
  kept.uid_validity = base_.uid_validity;
  kept.next_uid = last_uid + 1;
  bool is_kept =
      state && state->uid_validity == kept.uid_validity && state->next_uid >= kept.next_uid;
  if (!is_kept) {
    TRY_DO(layout_->state().keep(name_, kept));
  }
  is_base_remembered_ = false;
  return {};
}

// Updates the session's view from the file.
Changes MboxFolder::adopt() {
  Changes changes;
  changes.uid_validity = seen_uid_validity_ != 0 && seen_uid_validity_ != base_.uid_validity;
  bool is_first = seen_uid_validity_ == 0 || changes.uid_validity;
  seen_uid_validity_ = base_.uid_validity;
  if (changes.uid_validity) messages_.clear();
  std::vector<Message> messages;
  messages.reserve(entries_.size());
  std::size_t old = 0;
  for (const auto& entry : entries_) {
    Uid uid = *entry.meta.uid;
    for (; old < messages_.size() && messages_[old].uid < uid; ++old) {
      changes.expunged.push_back(messages_[old].uid);
    }
    Message message{uid, entry.meta.flags, learn_keywords(entry.meta.keywords), ModSeq(0)};
    if (old < messages_.size() && messages_[old].uid == uid) {
      const auto& before = messages_[old++];
      if (before.flags == message.flags && before.keywords == message.keywords) {
        message.modseq = before.modseq;
      } else {
        changes.flags.push_back(uid);
      }
    } else {
      changes.added.push_back(uid);
    }
    messages.push_back(message);
  }
  for (; old < messages_.size(); ++old) changes.expunged.push_back(messages_[old].uid);
  messages_ = std::move(messages);
  changes.keywords = keywords_.size() > keywords_told_;
  keywords_told_ = keywords_.size();
  if (is_first) {
    modseqs_.name_folder(path_, base_.uid_validity);
    values_.name_folder({path_, base_.uid_validity});
    modseqs_.load(messages_);
  } else {
    auto taken = modseqs_.take_over(messages_);
    std::vector<Uid> changed;
    std::ranges::merge(changes.added, changes.flags, std::back_inserter(changed));
    modseqs_.settle(messages_, changed, changes.expunged);
    changes.flags.insert(changes.flags.end(), taken.begin(), taken.end());
    std::ranges::sort(changes.flags);
  }
  bool has_index = layout_->settings().index != nullptr;
  changes.annotations =
      has_index && modseqs_.note_annotations(layout_->state().annotations_stamp(name_));
  return changes;
}

KeywordSet MboxFolder::learn_keywords(const std::vector<std::string>& names) {
  KeywordSet set = 0;
  for (const auto& name : names) {
    auto at = std::ranges::find_if(
        keywords_, [&](const std::string& other) { return equal_nocase(other, name); });
    if (at == keywords_.end()) {
      if (keywords_.size() == keywords_per_mailbox_max) continue;
      at = keywords_.insert(at, name);
    }
    set |= KeywordSet{1} << (at - keywords_.begin());
  }
  return set;
}

// The file names keywords and does not number them: each session has them in the order in which it
// has met them. Adding makes the order of the names no matter.
KeywordSet MboxFolder::hash_of_names(KeywordSet set) const {
  std::uint64_t sum = 0;
  for (const auto& name : keyword_names(set)) sum += mbox_hash(lower(name));
  return static_cast<KeywordSet>(sum ^ sum >> 32);
}

std::optional<std::size_t> MboxFolder::entry_of(Uid uid) const {
  auto at = std::ranges::lower_bound(entries_, uid, {},
                                     [](const MboxEntry& entry) { return *entry.meta.uid; });
  if (at == entries_.end() || *at->meta.uid != uid) return {};
  return static_cast<std::size_t>(at - entries_.begin());
}

Result<std::uint64_t> MboxFolder::octets(Uid uid) {
  auto index = entry_of(uid);
  if (!index) return expunged(uid);
  return entries_[*index].octets;
}

Result<std::int64_t> MboxFolder::internal_date(Uid uid) {
  auto index = entry_of(uid);
  if (!index) return expunged(uid);
  return entries_[*index].date;
}

// The message is copied under the lock, since other programs may move the bytes afterwards.
Result<MessageReader> MboxFolder::open(Uid uid) {
  {
    TRY(auto lock, MboxLock::take(path_, MboxLock::Kind::Read, layout_->settings()));
    struct stat status {};
    if (lock.descriptor() < 0 || ::fstat(lock.descriptor(), &status) != 0) return expunged(uid);
    if (is_current(FileStamp::of(status))) {
      auto index = entry_of(uid);
      if (!index) return expunged(uid);
      TRY(auto text, shown_message(lock.descriptor(), entries_[*index], path_));
      return MessageReader(std::move(text));
    }
  }
  TRY(auto lock, lock_current());
  auto index = entry_of(uid);
  if (!index) return expunged(uid);
  TRY(auto text, shown_message(lock.descriptor(), entries_[*index], path_));
  return MessageReader(std::move(text));
}

// --- writing -------------------------------------------------------------------------

bool MboxFolder::is_changed(const std::vector<MboxPlan>& plans) {
  return std::ranges::any_of(plans, &MboxPlan::changed);
}

Result<void> MboxFolder::or_no_room(Result<void> outcome) {
  return !outcome && is_no_room(outcome.error()) ? Result<void>() : std::move(outcome);
}

// If there is no space for it, it is remembered for this session.
Result<void> MboxFolder::write(int descriptor, const std::vector<MboxPlan>& plans) {
  MboxWriter writer(*layout_, name_, descriptor, entries_, base_);
  TRY(auto wanted, writer.room_wanted(plans));
  room_wanted_ = wanted + spare_octets;
  bool has_room = wanted == 0 || layout_->room() >= wanted;
  // The UIDs are taken before they are used: a crash between leaves a gap, not a UID given twice.
  auto written = has_room ? keep_uids(base_.last_uid) : file_error("rewrite", path_, ENOSPC);
  if (written) written = writer.write(plans);
  if (!written && is_no_room(written.error())) {
    return remember(writer, descriptor, plans, written.error());
  }
  TRY_DO(written);
  unwritten_.clear();
  TRY(auto entries, scan_mbox(descriptor, path_, layout_->settings().messages_max));
  bool same = std::ranges::equal(
      entries, plans, {}, [](const MboxEntry& entry) { return entry.meta.uid; },
      [](const MboxPlan& plan) { return plan.meta.uid; });
  if (!same) {
    return Error(451, ResponseCode::Corruption, path_ + " can't be read back as it was written");
  }
  entries_ = std::move(entries);
  return {};
}

Result<void> MboxFolder::remember(const MboxWriter& writer, int descriptor,
                                  const std::vector<MboxPlan>& plans, const Error& why) {
  if (unwritten_.empty()) {
    log_warning("store", "UIDs and flags of " + path_ + " are kept in memory: " + why.text());
  }
  // The UIDs that are in the file belong to the UIDVALIDITY that this session announces.
  TRY_DO(or_no_room(keep_uids(uids_kept_)));
  TRY_DO(or_no_room(writer.write_what_fits(plans)));
  TRY(auto entries, scan_mbox(descriptor, path_, layout_->settings().messages_max));
  TRY_DO(unwritten_.keep(descriptor, path_, entries, plans));
  entries_ = std::move(entries);
  for (std::size_t i = 0; i < entries_.size(); ++i) entries_[i].meta = plans[i].meta;
  return {};
}

std::optional<std::string> MboxFolder::cached(Uid uid, CacheItem item) {
  // A UID that is not in the file yet may mean another message in another session.
  return unwritten_.contains(uid) ? std::nullopt : values_.find(uid, item);
}

void MboxFolder::cache(Uid uid, CacheItem item, std::string_view value) {
  if (!unwritten_.contains(uid)) values_.add(uid, item, value);
}

}  // namespace pennypost::store
