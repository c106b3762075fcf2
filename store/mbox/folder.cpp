#include "store/mbox/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "common/base/text.h"
#include "store/mailbox/folder_store.h"

namespace pennypost::store {
namespace {

constexpr std::array<std::pair<MboxField, std::string_view>, 5> written_fields{{
    {MboxField::BaseLine, "X-IMAPbase: "},
    {MboxField::UidLine, "X-UID: "},
    {MboxField::StatusLine, "Status: "},
    {MboxField::XStatusLine, "X-Status: "},
    {MboxField::KeywordsLine, "X-Keywords: "},
}};

Error expunged(Uid uid) {
  return Error(550, ResponseCode::Expunged,
               "Message " + std::to_string(uid.value()) + " is no longer there");
}

Result<void> write_at(int descriptor, std::uint64_t offset, std::string_view bytes,
                      const std::string& path) {
  auto count = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (count < 0) return file_error("write", path);
  if (static_cast<std::size_t>(count) != bytes.size()) return file_error("write", path, ENOSPC);
  return {};
}

Flags changed_flags(Flags old, const FlagChange& change) {
  switch (change.mode) {
    case FlagChange::Mode::Add:
      return old | change.flags;
    case FlagChange::Mode::Remove:
      return old - change.flags;
    case FlagChange::Mode::Replace:
      break;
  }
  return change.flags;
}

bool contains_nocase(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::any_of(names,
                             [&](const std::string& other) { return equal_nocase(other, name); });
}

std::vector<std::string> changed_keywords(std::vector<std::string> old, const FlagChange& change) {
  if (change.mode == FlagChange::Mode::Remove) {
    std::erase_if(old,
                  [&](const std::string& name) { return contains_nocase(change.keywords, name); });
    return old;
  }
  if (change.mode == FlagChange::Mode::Replace) old.clear();
  for (const auto& name : change.keywords) {
    if (!contains_nocase(old, name)) old.push_back(name);
  }
  return old;
}

}  // namespace

MboxFolder::MboxFolder(std::shared_ptr<const MboxLayout> layout, MailboxName name, Access access)
    : layout_(std::move(layout)),
      name_(std::move(name)),
      access_(access),
      path_(layout_->file(name_)),
      modseqs_(layout_->settings().index, *layout_->settings().clock),
      values_(layout_->settings().index) {}

// --- reading -------------------------------------------------------------------------

Result<Changes> MboxFolder::sync() {
  values_.flush();
  if (!is_current(FileStamp::of(path_))) {
    TRY(auto lock, layout_->lock_existing(name_));
    TRY_DO(read_if_changed(lock.descriptor()));
  }
  return adopt();
}

bool MboxFolder::is_current(const FileStamp& stamp) const {
  return stamp_.exists() && stamp == stamp_ && stamp_.settled(stamped_at_ns_);
}

Result<void> MboxFolder::read_if_changed(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path_);
  return is_current(FileStamp::of(status)) ? Result<void>() : read(descriptor);
}

// Locked, and read if it has changed. What was made anew under the name is another mailbox, whose
// UIDs mean other messages.
Result<MboxLock> MboxFolder::lock_current() {
  TRY(auto lock, layout_->lock_existing(name_));
  TRY_DO(read_if_changed(lock.descriptor()));
  bool is_another = seen_uid_validity_ != 0 && base_.uid_validity != seen_uid_validity_;
  if (is_another) return is_nonexistent(name_);
  return lock;
}

// The file's messages, each with a UID that the file holds as well.
Result<void> MboxFolder::read(int descriptor) {
  auto messages_max = layout_->settings().messages_max;
  TRY(auto entries, scan_mbox(descriptor, path_, messages_max));
  entries_ = std::move(entries);
  auto to_write = plans();
  TRY_DO(settle_base(to_write));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].meta.old) recent_.insert(*to_write[i].meta.uid);
  }
  if (std::ranges::any_of(to_write, [](const Plan& plan) { return plan.changed; })) {
    TRY_DO(write_back(descriptor, to_write));
    TRY(auto written, scan_mbox(descriptor, path_, messages_max));
    bool same = std::ranges::equal(
        written, to_write, {}, [](const MboxEntry& entry) { return entry.meta.uid; },
        [](const Plan& plan) { return plan.meta.uid; });
    if (!same) {
      return Error(451, ResponseCode::Corruption, path_ + " can't be read back as it was written");
    }
    entries_ = std::move(written);
  }
  stamped_at_ns_ = wall_clock_ns();
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path_);
  stamp_ = FileStamp::of(status);
  return {};
}

std::vector<MboxFolder::Plan> MboxFolder::plans() const {
  std::vector<Plan> plans;
  plans.reserve(entries_.size());
  for (const auto& entry : entries_) {
    Plan plan;
    plan.meta = entry.meta;
    plans.push_back(std::move(plan));
  }
  return plans;
}

// UIDVALIDITY and the last UID, from the first message or from the state beside; UIDs for those
// who have none that is greater than the one before.
Result<void> MboxFolder::settle_base(std::vector<Plan>& plans) {
  TRY(auto state, layout_->state().uids(name_));
  MboxBase base;
  if (!entries_.empty() && entries_.front().base) base = *entries_.front().base;
  if (base.uid_validity == 0 && state) base.uid_validity = state->uid_validity;
  if (state && state->uid_validity == base.uid_validity) {
    base.last_uid = std::max(base.last_uid, state->next_uid - 1);
  }
  if (base.uid_validity == 0) {
    TRY(base.uid_validity, layout_->state().new_uid_validity(*layout_->settings().clock));
  }
  if (base.uid_validity == base_.uid_validity)
    base.last_uid = std::max(base.last_uid, base_.last_uid);

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
  MboxState::Uids kept;
  kept.uid_validity = base_.uid_validity;
  kept.next_uid = base_.last_uid + 1;
  if (state && state->uid_validity == kept.uid_validity && state->next_uid == kept.next_uid)
    return {};
  return layout_->state().keep(name_, kept);
}

// What the session sees becomes what the file holds.
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
    std::vector<Uid> changed;
    std::ranges::merge(changes.added, changes.flags, std::back_inserter(changed));
    modseqs_.settle(messages_, changed, changes.expunged);
  }
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

// The message is copied out under the lock: nothing holds the file's bytes in place afterwards.
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

// In place as far as everything fits; from the first message that does not, by a rewrite.
Result<void> MboxFolder::write_back(int descriptor, const std::vector<Plan>& plans) {
  std::size_t first_kept = 0;
  while (first_kept < plans.size() && plans[first_kept].drop) ++first_kept;
  std::size_t rewrite_from = plans.size();
  for (std::size_t i = 0; i < plans.size() && i < rewrite_from; ++i) {
    if (plans[i].drop || plans[i].rewrite) rewrite_from = i;
  }
  for (std::size_t i = 0; i < rewrite_from; ++i) {
    bool has_base = i == first_kept;
    if (!plans[i].changed && !has_base) continue;
    TRY(bool fits, patch(descriptor, entries_[i], plans[i].meta, has_base ? &base_ : nullptr));
    if (!fits) rewrite_from = i;
  }
  if (rewrite_from == plans.size()) return {};
  return rewrite(descriptor, plans, rewrite_from);
}

// Writes the fields over the old ones; false when one is missing or too short, and then nothing was
// written.
Result<bool> MboxFolder::patch(int descriptor, const MboxEntry& entry, const MboxMeta& meta,
                               const MboxBase* base) const {
  TRY(auto header,
      read_range(descriptor, entry.header_offset, entry.body_offset - entry.header_offset, path_));
  std::vector<std::pair<std::uint64_t, std::string>> writes;
  std::array<bool, written_fields.size()> seen{};
  auto wanted = [&](MboxField field) {
    return field == MboxField::BaseLine ? (base == nullptr ? "" : base->value())
                                        : meta.value(field);
  };
  for (std::size_t at = 0; at < header.size();) {
    auto end = std::min(header.find('\n', at), header.size());
    auto line = std::string_view(header).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto field = field_of(line);
    for (std::size_t i = 0; i < written_fields.size(); ++i) {
      if (written_fields[i].first != field) continue;
      auto text = std::string(written_fields[i].second) + wanted(field);
      // A base where none belongs, a second line, or one that is too short.
      if (seen[i] || text.size() > line.size()) return false;
      if (field == MboxField::BaseLine && base == nullptr) return false;
      seen[i] = true;
      text.resize(line.size(), ' ');
      if (text != line) writes.emplace_back(entry.header_offset + at, std::move(text));
    }
    at = end + 1;
  }
  for (std::size_t i = 0; i < written_fields.size(); ++i) {
    if (!seen[i] && !wanted(written_fields[i].first).empty()) return false;
  }
  for (const auto& [offset, text] : writes) {
    TRY_DO(write_at(descriptor, offset, text, path_));
  }
  return true;
}

Result<void> MboxFolder::rewrite(int descriptor, const std::vector<Plan>& plans,
                                 std::size_t first) {
  TRY(auto journal, layout_->new_journal(name_, descriptor));
  TRY_DO(journal.start(entries_[first].from_offset));
  bool any_before = std::any_of(plans.begin(), plans.begin() + static_cast<std::ptrdiff_t>(first),
                                [](const Plan& plan) { return !plan.drop; });
  for (std::size_t i = first; i < plans.size(); ++i) {
    if (plans[i].drop) continue;
    const auto& entry = entries_[i];
    TRY_DO(journal.copy(entry.from_offset, entry.header_offset));
    TRY(auto header, shown_header(descriptor, entry, path_));
    if (!header.empty() && !header.ends_with('\n')) header += '\n';
    // Shown is without quotes; what looks like a From_ line must get its own back.
    std::string quoted;
    for (auto rest = std::string_view(header); !rest.empty();) {
      auto line = rest.substr(0, rest.find('\n') + 1);
      if (line.starts_with("From ") || is_quoted_from(line)) quoted += '>';
      quoted += line;
      rest.remove_prefix(line.size());
    }
    TRY_DO(journal.add(quoted));
    TRY_DO(journal.add(meta_lines(plans[i].meta, any_before ? nullptr : &base_)));
    TRY_DO(journal.add("\n"));
    TRY_DO(journal.copy(entry.body_offset, entry.next_offset));
    any_before = true;
  }
  return journal.commit();
}

Result<KeywordSet> MboxFolder::add_keywords(const std::vector<std::string>& names, NoRoom no_room) {
  auto all = keywords_;
  for (const auto& name : names) {
    if (!contains_nocase(all, name)) all.push_back(name);
  }
  if (all.size() > keywords_per_mailbox_max && no_room == NoRoom::Refuse) {
    return Error(
        550, ResponseCode::Limit,
        "A mailbox has room for " + std::to_string(keywords_per_mailbox_max) + " keywords");
  }
  auto set = learn_keywords(names);
  for (const auto& name : names) {
    bool is_new = !contains_nocase(base_.keywords, name) && contains_nocase(keywords_, name);
    if (is_new) base_.keywords.push_back(name);
  }
  return set;
}

Result<Stored> MboxFolder::store(std::span<const Uid> uids, const FlagChange& change) {
  TRY(auto lock, lock_current());
  if (change.mode != FlagChange::Mode::Remove) {
    TRY_DO(add_keywords(change.keywords));
  }
  Stored stored;
  std::vector<Uid> touched;
  auto to_write = plans();
  for (auto uid : uids) {
    const auto* message = find(uid);
    auto index = entry_of(uid);
    if (message == nullptr || !index) continue;
    auto& plan = to_write[*index];
    bool changed_by_others = plan.meta.flags != message->flags ||
                             learn_keywords(plan.meta.keywords) != message->keywords;
    if (change.unchanged_since &&
        (changed_by_others || message->modseq > *change.unchanged_since)) {
      stored.modified.push_back(uid);
      continue;
    }
    auto flags = changed_flags(plan.meta.flags, change);
    auto keywords = changed_keywords(plan.meta.keywords, change);
    touched.push_back(uid);
    if (flags == plan.meta.flags && keywords == plan.meta.keywords) continue;
    plan.meta.flags = flags;
    plan.meta.keywords = std::move(keywords);
    plan.changed = true;
  }
  if (std::ranges::any_of(to_write, [](const Plan& plan) { return plan.changed; })) {
    TRY_DO(write_back(lock.descriptor(), to_write));
    TRY_DO(read(lock.descriptor()));
  }
  for (auto uid : touched) {
    auto& message = messages_[static_cast<std::size_t>(find(uid) - messages_.data())];
    const auto& meta = entries_[*entry_of(uid)].meta;
    auto keywords = learn_keywords(meta.keywords);
    if (message.flags == meta.flags && message.keywords == keywords) continue;
    message.flags = meta.flags;
    message.keywords = keywords;
    stored.changed.push_back(uid);
  }
  auto changed = stored.changed;
  std::ranges::sort(changed);
  modseqs_.settle(messages_, changed, {});
  return stored;
}

Result<std::vector<Uid>> MboxFolder::expunge(std::span<const Uid> uids) {
  TRY(auto lock, lock_current());
  std::vector<Uid> gone;
  auto to_write = plans();
  for (auto uid : uids) {
    auto index = entry_of(uid);
    if (!index || to_write[*index].drop) continue;
    to_write[*index].drop = true;
    gone.push_back(uid);
  }
  if (gone.empty()) return gone;
  std::ranges::sort(gone);
  TRY_DO(write_back(lock.descriptor(), to_write));
  TRY_DO(read(lock.descriptor()));
  std::erase_if(messages_, [&](const Message& message) {
    return std::ranges::binary_search(gone, message.uid);
  });
  modseqs_.settle(messages_, {}, gone);
  return gone;
}

Result<Appended> MboxFolder::append(std::span<const NewMessage> messages, NoRoom no_room) {
  TRY(auto lock, lock_current());
  int descriptor = lock.descriptor();
  for (const auto& message : messages) {
    TRY_DO(add_keywords(message.keywords, no_room));
  }

  // The UIDs are taken before they are used: a crash between leaves a gap, not a UID given twice.
  Appended appended;
  appended.uid_validity = base_.uid_validity;
  auto first = base_.last_uid + 1;
  base_.last_uid += static_cast<std::uint32_t>(messages.size());
  MboxState::Uids state;
  state.uid_validity = base_.uid_validity;
  state.next_uid = base_.last_uid + 1;
  TRY_DO(layout_->state().keep(name_, state));
  if (!entries_.empty()) {
    TRY_DO(write_back(descriptor, plans()));
  }

  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return file_error("stat", path_);
  if (::lseek(descriptor, 0, SEEK_END) < 0) return file_error("seek", path_);
  TRY(auto line_ends, missing_line_ends(descriptor, path_));
  auto write_message = [&](const NewMessage& message, Uid uid, bool is_first) -> Result<void> {
    MboxMeta meta;
    meta.uid = uid;
    meta.flags = message.flags;
    meta.keywords = message.keywords;
    std::erase_if(meta.keywords,
                  [&](const std::string& name) { return !contains_nocase(keywords_, name); });
    auto date = message.internal_date.value_or(layout_->settings().clock->now_seconds());
    TRY_DO(write_all(descriptor, from_line("", date), path_));
    MboxQuoter quoter([&](std::string_view block) { return write_all(descriptor, block, path_); },
                      meta_lines(meta, is_first ? &base_ : nullptr));
    TRY_DO(for_each_block(message.body, [&](std::string_view block) { return quoter.add(block); }));
    return quoter.finish();
  };
  auto outcome = write_all(descriptor, line_ends, path_);
  for (std::size_t i = 0; i < messages.size() && outcome; ++i) {
    Uid uid(first + static_cast<std::uint32_t>(i));
    outcome = write_message(messages[i], uid, entries_.empty() && i == 0);
    appended.uids.push_back(uid);
  }
  if (outcome && layout_->settings().fsync) outcome = sync_file(descriptor, path_);
  if (!outcome) {
    (void)!::ftruncate(descriptor, status.st_size);
    return std::move(outcome).error();
  }
  stamp_ = {};
  return appended;
}

// --- copies --------------------------------------------------------------------------

// By way of an unnamed file: source and target are never locked at the same time, and may be the
// same.
Result<Copied> MboxFolder::copy(std::span<const Uid> uids, const MailboxName& target,
                                Missing missing) {
  TRY_DO(layout_->require(target));
  const auto& beside = layout_->location().index;
  TRY_DO(make_directories(beside));
  Descriptor spool(::open(beside.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!spool) return file_error("create a file in", beside);
  Copied copied;
  std::vector<NewMessage> messages;
  std::uint64_t offset = 0;
  for (auto uid : uids) {
    auto reader = open(uid);
    if (!reader && missing == Missing::Skip && is_expunged(reader.error())) continue;
    if (!reader) return std::move(reader).error();
    TRY(auto text, reader->all());
    TRY_DO(write_all(spool.number(), text, beside));
    auto index = entry_of(uid);
    ASSERT(index.has_value());
    const auto& entry = entries_[*index];
    NewMessage message;
    message.body = {FileRange{spool.number(), offset, text.size()}};
    message.flags = entry.meta.flags;
    message.keywords = entry.meta.keywords;
    message.internal_date = entry.date;
    messages.push_back(std::move(message));
    copied.source.push_back(uid);
    offset += text.size();
  }
  MboxFolder folder(layout_, target, Access::ReadOnly);
  TRY(auto appended, folder.append(messages, NoRoom::LeaveOut));
  copied.uid_validity = appended.uid_validity;
  copied.target = std::move(appended.uids);
  return copied;
}

Result<Copied> MboxFolder::move(std::span<const Uid> uids, const MailboxName& target,
                                Missing missing) {
  TRY(auto copied, copy(uids, target, missing));
  return finish_move(std::move(copied), [&] {
    return std::make_unique<MboxFolder>(layout_, target, Access::ReadOnly);
  });
}

std::optional<std::string> MboxFolder::cached(Uid uid, CacheItem item) {
  return values_.find(uid, item);
}

void MboxFolder::cache(Uid uid, CacheItem item, std::string_view value) {
  values_.add(uid, item, value);
}

}  // namespace pennypost::store
