// Reads new/, cur/ and the uidlist for SharedFolder.
#include <stdio.h>

#include <algorithm>
#include <iterator>

#include "common/log/log.h"
#include "store/maildir/filename.h"
#include "store/maildir/shared_folder.h"

namespace pennypost::store {
namespace {

constexpr int listings_max = 3;
constexpr std::size_t listing_of_new_expected = 8;
constexpr std::size_t stale_records_kept = 64;
constexpr std::int64_t told_seconds = 60;
// The approximate size of a directory entry, on file systems that report directory sizes, and the
// most entries that we expect from that.
constexpr std::size_t directory_entry_bytes = 80;
constexpr std::size_t expected_max = 200'000;

std::vector<const Listing::File*> by_uid(const Listing& listing) {
  std::vector<const Listing::File*> found;
  found.reserve(listing.files().size());
  for (const auto& file : listing.files()) {
    if (file.uid != Uid(0)) found.push_back(&file);
  }
  std::ranges::sort(found, {}, [](const Listing::File* file) { return file->uid; });
  return found;
}

}  // namespace

// --- when cur/ is as we know it: only new/ is listed -----------------------------------------

// False if new/ alone does not explain all changes.
Result<bool> SharedFolder::sync_new(const FolderStamps& now, const UidRecords& records,
                                    Access access, Changes& changes) {
  Listing listing(listing_of_new_expected);
  TRY_DO(listing.list(directory_, true, layout_->settings().messages_max));
  if (!match_new(records, listing)) return false;
  bool must_wait = false;
  if (listing.lacks_uids()) {
    auto given = give_uids(listing, false);
    must_wait = !given && may_wait(given.error());
    if (!must_wait && (!given || !*given)) return false;
  }
  auto found = by_uid(listing);
  std::erase_if(found, [&](const Listing::File* file) {
    return std::ranges::binary_search(in_new_, file->uid);
  });
  if (!found.empty() && found.front()->uid <= state_->last_uid) return false;

  auto before = stamp_of_cur();
  bool all_moved = access != Access::ReadWrite || make_current(listing);
  bool is_as_known = found.empty() && moved_.empty() && state_->uid_next == uidlist_.uid_next();
  if (!is_as_known) add_new(listing, found, changes);
  auto list_again_at_ns = stamps_.list_again_at_ns;
  stamps_ = now;
  stamps_.list_again_at_ns = list_again_at_ns;
  stamps_.uidlist = uidlist_.stamp();
  if (must_wait) stamps_.fresh = FileStamp{};
  changes.waiting = must_wait;
  is_kept_ = false;
  if (all_moved) changed_cur(before);
  return true;
}

// `listing` is of new/; `found` are the unknown files in it, ascending by UID.
void SharedFolder::add_new(const Listing& listing, std::span<const Listing::File* const> found,
                           Changes& changes) {
  auto& state = writable();
  in_new_.clear();
  for (const auto* file : by_uid(listing)) {
    if (auto index = state.index_of(file->uid)) {
      state.rename(*index, listing.name(*file), file->in_new);
    }
    if (file->in_new) in_new_.push_back(file->uid);
  }
  Changes fresh;
  for (const auto* file : found) {
    state.add(message_of(listing, *file), listing.name(*file), file->in_new, file->octets);
    fresh.added.push_back(file->uid);
  }
  modseqs_.settle(state.messages, fresh.added, {});
  state.highest = modseqs_.highest();
  state.uid_next = uidlist_.uid_next();
  follow(changes, std::move(fresh));
}

// Gives known files in new/ their UIDs. False if one has changed, or a UID was given to a file that
// is no longer in new/.
bool SharedFolder::match_new(const UidRecords& records, Listing& listing) const {
  for (auto uid : in_new_) {
    auto index = state_->index_of(uid);
    auto* file = index ? listing.find(state_->base(*index)) : nullptr;
    if (file == nullptr || listing.name(*file) != state_->name(*index)) return false;
    file->uid = uid;
  }
  for (const auto& record : records.all) {
    auto* file = listing.find(record.base);
    if (file == nullptr) return false;
  }
  match(records, listing);
  return true;
}

// --- all of it -------------------------------------------------------------------------------

Result<void> SharedFolder::sync_all(FolderStamps now, UidRecords records, Access access,
                                    Changes& changes) {
  auto expected = listed_ ? state_->messages.size() : now.cur.size / directory_entry_bytes;
  Listing listing(std::min(expected, expected_max) + stale_records_kept);
  TRY_DO(list_files(now, records, listing));
  TRY_DO(match_all(records, listing));
  bool must_wait = false;
  if (uidlist_.uid_validity() == 0 || listing.lacks_uids()) {
    auto given = give_uids(listing, true);
    must_wait = uidlist_.uid_validity() != 0 && !given && may_wait(given.error());
    if (!given && !must_wait) return std::move(given).error();
    if (must_wait) now.cur = FileStamp{};
  }
  auto before = stamp_of_cur();
  bool all_moved = access != Access::ReadWrite || make_current(listing);
  adopt(listing, changes);
  changes.waiting = must_wait;
  stamps_ = now;
  stamps_.uidlist = uidlist_.stamp();
  listed_ = true;
  is_kept_ = false;
  if (all_moved) changed_cur(before);
  return {};
}

// A file that is renamed within cur/ during the listing may be missed, so the listing is repeated
// if a known file is missing. A file that nobody has seen yet can wait until the next sync().
Result<void> SharedFolder::list_files(const FolderStamps& now, const UidRecords& records,
                                      Listing& listing) const {
  auto names_max = layout_->settings().messages_max;
  TRY_DO(listing.list_both(directory_, names_max));
  for (int count = 1; count < listings_max; ++count) {
    bool in_motion = !now.cur.settled(now.taken_at_ns) || stamp_of_cur() != now.cur;
    bool is_missed = lacks_known(listing) || (in_motion && lacks_owed(records, listing));
    if (!is_missed) break;
    TRY_DO(listing.list_both(directory_, names_max));
  }
  return {};
}

// `all` was read after the listing, which may contain one of its messages but lack another with a
// lower UID. That one could never be announced after the higher UID, so it is looked for first.
Result<void> SharedFolder::list_owed(const UidRecords& all, Listing& listing) const {
  for (int count = 1; count < listings_max && lacks_owed(all, listing); ++count) {
    TRY_DO(listing.list_both(directory_, layout_->settings().messages_max));
  }
  return {};
}

bool SharedFolder::lacks_known(Listing& listing) const {
  for (std::size_t i = 0; i < state_->messages.size(); ++i) {
    if (listing.find(state_->base(i)) == nullptr) return true;
  }
  return false;
}

// Whether a message not announced yet has a record but no file: it is expunged, or was missed.
bool SharedFolder::lacks_owed(const UidRecords& records, Listing& listing) const {
  auto told = is_same_validity() ? state_->last_uid : Uid(0);
  return std::ranges::any_of(records.all, [&](const UidRecords::Record& record) {
    return record.uid > told && listing.find(record.base) == nullptr;
  });
}

// A file without a record may have an older one, which we did not keep because it had no file then.
Result<void> SharedFolder::match_all(const UidRecords& records, Listing& listing) {
  if (is_same_validity() && !records.anew) match_known(listing);
  match(records, listing);
  if (records.anew || uidlist_.uid_validity() == 0 || !listing.lacks_uids()) return {};
  TRY(auto all, uidlist_.reread());
  TRY_DO(list_owed(all, listing));
  match(all, listing);
  return {};
}

void SharedFolder::match_known(Listing& listing) const {
  for (std::size_t i = 0; i < state_->messages.size(); ++i) {
    auto* file = listing.find(state_->base(i));
    if (file != nullptr) file->uid = state_->messages[i].uid;
  }
}

// Gives files the UIDs of their records. A file that comes back after we announced it as expunged
// must get a new UID, since its old one is lower than those already announced.
void SharedFolder::match(const UidRecords& records, Listing& listing) const {
  bool same_validity = is_same_validity();
  for (const auto& record : records.all) {
    auto* file = listing.find(record.base);
    if (file == nullptr) continue;
    bool came_back =
        same_validity && record.uid <= state_->last_uid && !state_->index_of(record.uid);
    file->uid = came_back ? Uid(0) : record.uid;
    auto octets = record.extension('W').value_or(0);
    if (octets <= UINT32_MAX) file->octets = static_cast<std::uint32_t>(octets);
  }
}

// False if that needs a listing of all files.
Result<bool> SharedFolder::give_uids(Listing& listing, bool is_whole) {
  TRY(auto lock, uidlist_.lock());
  TRY(auto records, uidlist_.refresh());
  if (records.changed) {
    if (records.anew && !is_whole) return false;
    // UIDs that others have given since our listing must be announced before greater ones of ours.
    if (lacks_owed(records, listing)) {
      if (is_whole) {
        TRY(records, uidlist_.reread());
        TRY_DO(list_owed(records, listing));
      } else {
        TRY_DO(listing.list(directory_, true, layout_->settings().messages_max));
        if (lacks_owed(records, listing)) return false;
      }
    }
    match(records, listing);
  }
  if (is_whole) {
    TRY_DO(drop_stale_records(listing, lock));
  }
  std::vector<std::string_view> bases;
  auto files = listing.without_uid();
  bases.reserve(files.size());
  for (const auto* file : files) bases.push_back(listing.base(*file));
  TRY(auto uid, uidlist_.give(bases, lock));
  for (auto* file : files) {
    file->uid = uid;
    uid = Uid(uid.value() + 1);
  }
  return true;
}

// If another program holds the lock for long, or the disk is full, messages without UIDs wait until
// the next sync(), and the others can be read and deleted meanwhile.
bool SharedFolder::may_wait(const Error& error) {
  if (!is_no_room(error)) return is_in_use(error);
  auto now = layout_->settings().clock->now_seconds();
  if (now >= told_no_room_at_ + told_seconds) {
    told_no_room_at_ = now;
    log_warning("store", "new messages in " + directory_ + " wait to be seen: " + error.text());
  }
  return true;
}

Message SharedFolder::message_of(const Listing& listing, const Listing::File& file) const {
  auto flags = flags_of(file.uid, listing.name(file));
  return Message{file.uid, flags.flags, flags.keywords, ModSeq(0)};
}

// Removes the records of expunged messages once a quarter of the list is stale.
Result<void> SharedFolder::drop_stale_records(Listing& listing, const Dotlock& held) {
  auto live = listing.files().size();
  if (uidlist_.uid_validity() == 0 || uidlist_.count() <= live + live / 3 + stale_records_kept) {
    return {};
  }
  // Listed several times, since a file missed by one listing would lose its UID.
  for (int count = 1; count < listings_max; ++count) {
    TRY_DO(listing.list_both(directory_, layout_->settings().messages_max));
  }
  TRY(auto all, uidlist_.reread());
  match(all, listing);
  return uidlist_.drop(
      [&](const UidRecords::Record& record) {
        auto* file = listing.find(record.base);
        return file == nullptr || file->uid != record.uid;
      },
      held);
}

// Moves files from new/ to cur/. The session whose rename succeeds has the message as \Recent.
// False if one could not be moved.
bool SharedFolder::make_current(Listing& listing) {
  bool all = true;
  for (auto& file : listing.files()) {
    if (!file.in_new || file.uid == Uid(0)) continue;
    auto old_name = listing.name(file);
    auto name = FilenameFlags::parse(old_name).apply(old_name);
    auto from = directory_ + "/new/" + std::string(old_name);
    auto to = directory_ + "/cur/" + name;
    if (::rename(from.c_str(), to.c_str()) != 0) {
      all = false;
      continue;
    }
    listing.rename(file, name);
    file.in_new = false;
    moved_.push_back(file.uid);
  }
  return all;
}

// Makes the listing the new state, and adds the differences to `changes`.
void SharedFolder::adopt(const Listing& listing, Changes& changes) {
  const auto& old = *state_;
  bool is_first = !listed_;
  Changes fresh;
  fresh.uid_validity = listed_ && !is_same_validity();
  if (fresh.uid_validity) unnamed_deletions_.clear();
  auto old_count = fresh.uid_validity ? 0 : old.messages.size();
  auto found = by_uid(listing);
  std::size_t names_bytes = 0;
  for (const auto* file : found) names_bytes += file->base_bytes;

  auto next = std::make_shared<FolderState>();
  next->keywords = old.keywords;
  next->annotated = old.annotated;
  next->uid_validity = uidlist_.uid_validity();
  next->uid_next = uidlist_.uid_next();
  if (!fresh.uid_validity) next->last_uid = old.last_uid;
  next->reserve(found.size(), names_bytes);
  std::size_t at = 0;
  for (const auto* file : found) {
    for (; at < old_count && old.messages[at].uid < file->uid; ++at) {
      fresh.expunged.push_back(old.messages[at].uid);
    }
    auto message = message_of(listing, *file);
    auto octets = file->octets;
    if (at < old_count && old.messages[at].uid == file->uid) {
      const auto& before = old.messages[at];
      bool is_same = before.flags == message.flags && before.keywords == message.keywords;
      if (!is_same) fresh.flags.push_back(message.uid);
      message.modseq = before.modseq;
      if (octets == 0) octets = old.noted_octets(at);
      ++at;
    } else {
      fresh.added.push_back(message.uid);
    }
    next->add(message, listing.name(*file), file->in_new, octets);
  }
  for (; at < old_count; ++at) fresh.expunged.push_back(old.messages[at].uid);
  in_new_.clear();
  for (const auto* file : found) {
    if (file->in_new) in_new_.push_back(file->uid);
  }

  // pennypost force-resync has made all void that the index has of it.
  bool is_renewed = listed_ && modseqs_.folder().identity != uidlist_.identity();
  auto* index = layout_->settings().index;
  if (is_renewed && index != nullptr) index->forget(modseqs_.folder());
  if (is_first || fresh.uid_validity || is_renewed) {
    modseqs_.name_folder(uidlist_.identity(), uidlist_.uid_validity());
    modseqs_.load(next->messages);
    auto known = index != nullptr ? index->first_recent(modseqs_.folder()) : Uid(0);
    if (fresh.uid_validity || known != Uid(0)) arrivals_.set_first_recent(known);
  } else {
    std::vector<Uid> changed;
    std::ranges::merge(fresh.added, fresh.flags, std::back_inserter(changed));
    modseqs_.settle(next->messages, changed, fresh.expunged);
  }
  next->highest = modseqs_.highest();
  follow(changes, std::move(fresh));
  // If nothing has changed, the sessions go on sharing the old state.
  if (is_first || !next->is_same(old)) state_ = std::move(next);
}

}  // namespace pennypost::store
