// MboxFolder's changes: flags, removal, new messages and copies.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "store/mailbox/file.h"
#include "store/mbox/folder.h"
#include "store/mbox/writer.h"

namespace pennypost::store {
namespace {

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

std::vector<std::string> changed_keywords(std::vector<std::string> old, const FlagChange& change) {
  if (change.mode == FlagChange::Mode::Remove) {
    std::erase_if(old, [&](const std::string& name) { return holds(change.keywords, name); });
    return old;
  }
  if (change.mode == FlagChange::Mode::Replace) old.clear();
  for (const auto& name : change.keywords) {
    if (!holds(old, name)) old.push_back(name);
  }
  return old;
}

}  // namespace

// --- flags ---------------------------------------------------------------------------

Result<KeywordSet> MboxFolder::add_keywords(const std::vector<std::string>& names, NoRoom no_room) {
  auto all = keywords_;
  for (const auto& name : names) {
    if (!holds(all, name)) all.push_back(name);
  }
  if (all.size() > keywords_per_mailbox_max && no_room == NoRoom::Refuse) {
    return Error(
        550, ResponseCode::Limit,
        "A mailbox has room for " + std::to_string(keywords_per_mailbox_max) + " keywords");
  }
  auto set = learn_keywords(names);
  for (const auto& name : names) {
    bool is_new = !holds(base_.keywords, name) && holds(keywords_, name);
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
  if (is_changed(to_write)) {
    TRY_DO(write(lock.descriptor(), to_write));
    TRY_DO(note_stamp(lock.descriptor()));
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

// --- removal -------------------------------------------------------------------------

Result<std::vector<Uid>> MboxFolder::expunge(std::span<const Uid> uids) {
  TRY(auto lock, lock_current());
  std::vector<Uid> asked;
  auto to_write = plans();
  for (auto uid : uids) {
    auto index = entry_of(uid);
    if (!index || to_write[*index].drop) continue;
    to_write[*index].drop = true;
    asked.push_back(uid);
  }
  if (asked.empty()) return asked;
  std::ranges::sort(asked);
  auto outcome = remove(lock.descriptor(), to_write);
  for (auto uid : asked) {
    if (outcome) unwritten_.erase(uid);
  }
  // On a full disk some may be gone although others could not be removed.
  stamp_ = {};
  auto reread = outcome ? Result<void>() : layout_->recover(name_, lock.descriptor());
  if (reread) reread = read(lock.descriptor());
  if (!reread) return outcome ? std::move(reread).error() : std::move(outcome).error();
  std::erase_if(asked, [this](Uid uid) { return entry_of(uid).has_value(); });
  if (!outcome && asked.empty()) return std::move(outcome).error();
  std::erase_if(messages_, [&](const Message& message) {
    return std::ranges::binary_search(asked, message.uid);
  });
  modseqs_.settle(messages_, {}, asked);
  return asked;
}

Result<void> MboxFolder::remove(int descriptor, const std::vector<MboxPlan>& plans) {
  // A UID that was only remembered must not be assigned again once its message is removed.
  TRY_DO(or_no_room(keep_uids(base_.last_uid)));
  MboxWriter writer(*layout_, name_, descriptor, entries_, base_);
  auto written = writer.write(plans);
  if (!written && is_no_room(written.error())) written = writer.remove_in_place(plans);
  return written;
}

// --- new messages --------------------------------------------------------------------

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
  TRY_DO(keep_uids(base_.last_uid));
  if (!entries_.empty()) {
    TRY_DO(MboxWriter(*layout_, name_, descriptor, entries_, base_).write(plans()));
    unwritten_.clear();
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
    std::erase_if(meta.keywords, [&](const std::string& name) { return !holds(keywords_, name); });
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

// Copies through an unnamed file: source and target are never locked at the same time, and may be
// the same.
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
  // While another program has the lock, copies would only have to be taken back.
  { TRY_DO(lock_current()); }
  TRY(auto copied, copy(uids, target, missing));
  return finish_move(std::move(copied), [&] {
    return std::make_unique<MboxFolder>(layout_, target, Access::ReadOnly);
  });
}

}  // namespace pennypost::store
