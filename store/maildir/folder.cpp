#include "store/maildir/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/maildir/draft.h"
#include "store/maildir/filename.h"

namespace pennypost::store {
namespace {

constexpr int listings_max = 3;
constexpr int renames_followed_max = 8;
constexpr std::size_t stale_records_kept = 64;
constexpr std::int64_t trust_ns = 10'000'000'000;

// What a change makes of a message's flags.
FilenameFlags changed_flags(FilenameFlags old, const FlagChange& change, KeywordSet keywords) {
  FilenameFlags result;
  switch (change.mode) {
    case FlagChange::Mode::Add:
      result.flags = old.flags | change.flags;
      result.keywords = old.keywords | keywords;
      break;
    case FlagChange::Mode::Remove:
      result.flags = old.flags - change.flags;
      result.keywords = old.keywords & ~keywords;
      break;
    case FlagChange::Mode::Replace:
      result.flags = change.flags;
      result.keywords = keywords;
      break;
  }
  return result;
}

// By arrival: the seconds that names begin with, then the names themselves.
bool arrived_before(std::string_view a, std::string_view b) {
  auto a_seconds = seconds_in_name(a);
  auto b_seconds = seconds_in_name(b);
  return a_seconds != b_seconds ? a_seconds < b_seconds : a < b;
}

Error expunged(Uid uid) {
  return Error(550, "[EXPUNGED] Message " + std::to_string(uid.value()) + " is no longer there");
}

}  // namespace

MaildirFolder::MaildirFolder(std::shared_ptr<const MaildirLayout> layout, MailboxName name,
                             Access access)
    : layout_(std::move(layout)),
      name_(std::move(name)),
      access_(access),
      directory_(layout_->directory(name_)),
      uidlist_(layout_->uidlist(name_)),
      keywords_(directory_),
      modseqs_(layout_->settings().index, *layout_->settings().clock) {}

// --- what is there -------------------------------------------------------------------

Result<Changes> MaildirFolder::sync() {
  Changes changes;
  auto now = take_stamps();
  if (keywords() == keywords_told_ && nothing_happened(now)) return changes;
  // The uidlist is read before the files: each record in it then has its file in the listing,
  // unless that was expunged.
  TRY_DO(keywords_.refresh());
  TRY_DO(uidlist_.refresh());
  bool done = false;
  if (cur_is_known(now) && uid_validity() == seen_uid_validity_) {
    TRY(done, sync_new(now, changes));
  }
  if (!done) {
    TRY_DO(sync_all(now, changes));
  }
  changes.keywords = keywords() != keywords_told_;
  keywords_told_ = keywords();
  return changes;
}

MaildirFolder::Stamps MaildirFolder::take_stamps() const {
  Stamps stamps;
  stamps.taken_at_ns = wall_clock_ns();
  stamps.fresh = FileStamp::of(directory_ + "/new");
  stamps.cur = stamp_of_cur();
  stamps.uidlist = FileStamp::of(uidlist_.path());
  stamps.keywords = FileStamp::of(keywords_.path());
  return stamps;
}

FileStamp MaildirFolder::stamp_of_cur() const { return FileStamp::of(directory_ + "/cur"); }

bool MaildirFolder::cur_is_known(const Stamps& now) const {
  if (!listed_ || now.cur != stamps_.cur) return false;
  return stamps_.list_again_at_ns != 0 ? now.taken_at_ns < stamps_.list_again_at_ns
                                       : stamps_.cur.settled(stamps_.taken_at_ns);
}

bool MaildirFolder::nothing_happened(const Stamps& now) const {
  return cur_is_known(now) && now.fresh == stamps_.fresh &&
         stamps_.fresh.settled(stamps_.taken_at_ns) && now.uidlist == stamps_.uidlist &&
         now.keywords == stamps_.keywords;
}

// After changes of our own in cur/: `before` is its stamp from just before them.
void MaildirFolder::changed_cur(const FileStamp& before) {
  auto after = stamp_of_cur();
  bool was_known = listed_ && before == stamps_.cur &&
                   (stamps_.list_again_at_ns != 0 || stamps_.cur.settled(stamps_.taken_at_ns));
  if (!was_known || after == before) return;
  stamps_.cur = after;
  if (stamps_.list_again_at_ns == 0) stamps_.list_again_at_ns = wall_clock_ns() + trust_ns;
}

// When cur/ is as we know it: only new/ is listed. False when that does not explain everything.
Result<bool> MaildirFolder::sync_new(const Stamps& now, Changes& changes) {
  Listing listing(16);
  TRY_DO(list("new", listing));
  match(listing);
  for (const auto& file : files_) {
    if (file.in_new && listing.find(base_of(file.name)) == nullptr) return false;
  }
  if (listing.lacks_uids()) {
    auto given = give_uids(listing, false);
    if (!given || !*given) return false;
  }
  std::vector<Found*> added;
  for (auto& file : listing.files()) {
    if (*file.uid > last_uid_) {
      added.push_back(&file);
    } else if (auto index = index_of(*file.uid); !index || files_[*index].name != file.name) {
      return false;
    }
  }
  // UIDs given by others to files that are not in new/ any more.
  auto unexplained = [this](Uid uid) { return uid > explained_uid_; };
  auto given_count = std::ranges::count_if(uidlist_.records(), unexplained, &UidList::Record::uid);
  auto found_count =
      std::ranges::count_if(added, unexplained, [](const Found* file) { return *file->uid; });
  if (given_count != found_count) return false;

  auto before = stamp_of_cur();
  bool all_moved = access_ != Access::ReadWrite || make_current(listing);
  std::ranges::sort(added, {}, [](const Found* file) { return *file->uid; });
  for (const auto* file : added) {
    auto flags = FilenameFlags::parse(file->name);
    bool recent = access_ == Access::ReadOnly ? file->in_new : file->recent;
    messages_.push_back(Message{*file->uid, flags.flags, recent, flags.keywords, ModSeq(0)});
    files_.push_back(File{std::string(file->name), file->in_new, {}, {}});
    changes.added.push_back(*file->uid);
    last_uid_ = *file->uid;
  }
  modseqs_.settle(messages_, changes.added, {});
  explained_uid_ = Uid(uid_next().value() - 1);
  auto list_again_at_ns = stamps_.list_again_at_ns;
  stamps_ = now;
  stamps_.list_again_at_ns = list_again_at_ns;
  stamps_.uidlist = uidlist_.stamp();
  if (all_moved) changed_cur(before);
  return true;
}

Result<void> MaildirFolder::sync_all(Stamps now, Changes& changes) {
  Listing listing(files_.size() + 64);
  TRY_DO(list_files(now, listing));
  match(listing);
  if (uid_validity() == 0 || listing.lacks_uids()) {
    auto given = give_uids(listing, true);
    // Somebody holds the lock for long: messages without UID wait until the next sync().
    bool can_wait = uid_validity() != 0 && !given && given.error().text().starts_with("[INUSE]");
    if (!given && !can_wait) return std::move(given).error();
    if (can_wait) now.cur = FileStamp{};
  }
  auto before = stamp_of_cur();
  bool all_moved = access_ != Access::ReadWrite || make_current(listing);
  adopt(listing, changes);
  explained_uid_ = Uid(uid_next().value() - 1);
  stamps_ = now;
  stamps_.uidlist = uidlist_.stamp();
  listed_ = true;
  if (all_moved) changed_cur(before);
  return {};
}

void MaildirFolder::Listing::add(std::string_view filename, bool in_new) {
  if (auto known = by_base_.find(base_of(filename)); known != by_base_.end()) {
    auto& file = *known->second;
    if (file.name != filename) file.name = keep(std::string(filename));
    file.in_new = in_new;
    return;
  }
  Found file;
  file.name = keep(std::string(filename));
  file.in_new = in_new;
  files_.push_back(file);
  by_base_.emplace(base_of(file.name), &files_.back());
}

std::string_view MaildirFolder::Listing::keep(std::string name) {
  names_.push_back(std::move(name));
  return names_.back();
}

MaildirFolder::Found* MaildirFolder::Listing::find(std::string_view base) {
  auto known = by_base_.find(base);
  return known == by_base_.end() ? nullptr : known->second;
}

bool MaildirFolder::Listing::lacks_uids() const {
  return std::ranges::any_of(files_, [](const Found& file) { return !file.uid; });
}

Result<void> MaildirFolder::list(std::string_view part, Listing& listing) const {
  bool in_new = part == "new";
  return list_directory(directory_ + "/" + std::string(part), layout_->settings().messages_max,
                        [&](std::string_view filename, unsigned char) {
                          if (!filename.starts_with('.')) listing.add(filename, in_new);
                        });
}

// new/ first: a file that moves meanwhile is then seen in both, not in neither.
Result<void> MaildirFolder::list_both(Listing& listing) const {
  TRY_DO(list("new", listing));
  return list("cur", listing);
}

Result<void> MaildirFolder::list_files(const Stamps& now, Listing& listing) const {
  TRY_DO(list_both(listing));
  for (int count = 1; count < listings_max; ++count) {
    bool in_motion = !now.cur.settled(now.taken_at_ns) || stamp_of_cur() != now.cur;
    if (!in_motion && !lacks_known(listing)) break;
    TRY_DO(list_both(listing));
  }
  return {};
}

bool MaildirFolder::lacks_known(Listing& listing) const {
  return std::ranges::any_of(
      files_, [&](const File& file) { return listing.find(base_of(file.name)) == nullptr; });
}

// Files get the UIDs of their records. One that was expunged as far as our session knows, and comes
// back, must get a new UID: the old one would lie below those already told.
void MaildirFolder::match(Listing& listing) const {
  bool same_validity = uid_validity() == seen_uid_validity_;
  for (const auto& record : uidlist_.records()) {
    auto* file = listing.find(record.base);
    if (file == nullptr) continue;
    bool came_back = same_validity && record.uid <= last_uid_ && !index_of(record.uid);
    file->uid = came_back ? std::nullopt : std::optional(record.uid);
  }
}

// False when part of the files is not enough to do so.
Result<bool> MaildirFolder::give_uids(Listing& listing, bool is_whole) {
  TRY(auto lock, uidlist_.lock());
  auto known_next = uid_next();
  TRY(bool changed, uidlist_.refresh());
  if (changed) {
    // UIDs given by others since our listing must not be passed over by greater ones of ours.
    bool unlisted = std::ranges::any_of(uidlist_.records(), [&](const UidList::Record& record) {
      return record.uid >= known_next && listing.find(record.base) == nullptr;
    });
    if (unlisted && !is_whole) return false;
    if (unlisted) {
      TRY_DO(list_both(listing));
    }
    match(listing);
  }
  if (is_whole) {
    TRY_DO(drop_stale_records(listing, lock));
  }
  std::vector<std::string> bases;
  for (const auto& file : listing.files()) {
    if (!file.uid) bases.emplace_back(base_of(file.name));
  }
  std::ranges::sort(bases, arrived_before);
  TRY(auto uids, uidlist_.give(bases, lock));
  for (std::size_t i = 0; i < bases.size(); ++i) listing.find(bases[i])->uid = uids[i];
  return true;
}

// Keeps the file from growing with what was expunged: when a quarter of it is stale.
Result<void> MaildirFolder::drop_stale_records(Listing& listing, const Dotlock& held) {
  auto live = listing.files().size();
  if (uid_validity() == 0 || uidlist_.records().size() <= live + live / 3 + stale_records_kept) {
    return {};
  }
  // A file missed by one listing would lose its UID.
  for (int count = 1; count < listings_max; ++count) {
    TRY_DO(list_both(listing));
  }
  match(listing);
  std::vector<Uid> gone;
  for (const auto& record : uidlist_.records()) {
    auto* file = listing.find(record.base);
    if (file == nullptr || file->uid != record.uid) gone.push_back(record.uid);
  }
  return uidlist_.drop(gone, held);
}

// Files leave new/; whose rename succeeds has the message as \Recent. False when one could not be
// moved.
bool MaildirFolder::make_current(Listing& listing) const {
  bool all = true;
  for (auto& file : listing.files()) {
    if (!file.in_new || !file.uid) continue;
    auto name = FilenameFlags::parse(file.name).apply(file.name);
    auto from = directory_ + "/new/" + std::string(file.name);
    auto to = directory_ + "/cur/" + name;
    if (::rename(from.c_str(), to.c_str()) != 0) {
      all = false;
      continue;
    }
    file.name = listing.keep(std::move(name));
    file.in_new = false;
    file.recent = true;
  }
  return all;
}

// Makes the listing the state, and tells what is different.
void MaildirFolder::adopt(Listing& listing, Changes& changes) {
  changes.uid_validity = seen_uid_validity_ != 0 && seen_uid_validity_ != uid_validity();
  if (changes.uid_validity) {
    messages_.clear();
    files_.clear();
    last_uid_ = Uid(0);
  }
  seen_uid_validity_ = uid_validity();
  std::vector<Found*> found;
  for (auto& file : listing.files()) {
    if (file.uid) found.push_back(&file);
  }
  std::ranges::sort(found, {}, [](const Found* file) { return *file->uid; });

  std::vector<Message> messages;
  std::vector<File> files;
  messages.reserve(found.size());
  files.reserve(found.size());
  std::size_t old = 0;
  for (auto* file : found) {
    for (; old < messages_.size() && messages_[old].uid < *file->uid; ++old) {
      changes.expunged.push_back(messages_[old].uid);
    }
    auto flags = FilenameFlags::parse(file->name);
    Message message{*file->uid, flags.flags, file->recent, flags.keywords, ModSeq(0)};
    if (access_ == Access::ReadOnly) message.recent = file->in_new;
    File entry{std::string(file->name), file->in_new, {}, {}};
    if (old < messages_.size() && messages_[old].uid == *file->uid) {
      const auto& before = messages_[old];
      entry.octets = files_[old].octets;
      entry.date = files_[old].date;
      message.recent = message.recent || before.recent;
      if (before.flags == message.flags && before.keywords == message.keywords) {
        message.modseq = before.modseq;
      } else {
        changes.flags.push_back(message.uid);
      }
      ++old;
    } else {
      changes.added.push_back(message.uid);
    }
    messages.push_back(message);
    files.push_back(std::move(entry));
  }
  for (; old < messages_.size(); ++old) changes.expunged.push_back(messages_[old].uid);
  messages_ = std::move(messages);
  files_ = std::move(files);
  if (!messages_.empty()) last_uid_ = std::max(last_uid_, messages_.back().uid);
  if (!listed_ || changes.uid_validity) {
    auto guid = std::string(uidlist_.guid());
    modseqs_.name_folder(guid.empty() ? directory_ : guid, uid_validity());
    modseqs_.load(messages_);
  } else {
    std::vector<Uid> changed;
    std::ranges::merge(changes.added, changes.flags, std::back_inserter(changed));
    modseqs_.settle(messages_, changed, changes.expunged);
  }
}

// --- single messages -----------------------------------------------------------------

std::string MaildirFolder::path(const File& file) const {
  return directory_ + (file.in_new ? "/new/" : "/cur/") + file.name;
}

std::optional<std::size_t> MaildirFolder::index_of(Uid uid) const {
  const auto* message = find(uid);
  if (message == nullptr) return {};
  return static_cast<std::size_t>(message - messages_.data());
}

Result<std::size_t> MaildirFolder::require(Uid uid) const {
  auto index = index_of(uid);
  if (!index) return expunged(uid);
  return *index;
}

// Finds the name that another program gave a file; false when it is gone.
Result<bool> MaildirFolder::locate(File& file) {
  stamps_.cur = FileStamp{};  // others are at work: whatever we change now, cur/ is listed again
  auto base = std::string(base_of(file.name));
  for (int count = 0; count < listings_max; ++count) {
    bool found = false;
    for (bool in_new : {true, false}) {
      TRY_DO(list_directory(directory_ + (in_new ? "/new" : "/cur"),
                            layout_->settings().messages_max,
                            [&](std::string_view filename, unsigned char) {
                              if (base_of(filename) != base) return;
                              file.name = filename;
                              file.in_new = in_new;
                              found = true;
                            }));
    }
    if (found) return true;
  }
  return false;
}

// Tries something that fails with ENOENT when the file was renamed; false when it is gone.
Result<bool> MaildirFolder::with_file(std::size_t index,
                                      const std::function<bool(const std::string& path)>& attempt,
                                      std::string_view verb) {
  for (int count = 0; count < renames_followed_max; ++count) {
    auto file_path = path(files_[index]);
    if (attempt(file_path)) return true;
    if (errno != ENOENT) return file_error(verb, file_path);
    TRY(bool found, locate(files_[index]));
    if (!found) return false;
  }
  return Error::temporary("[INUSE] " + path(files_[index]) + " is renamed again and again");
}

Result<std::uint64_t> MaildirFolder::octets(Uid uid) {
  TRY(auto index, require(uid));
  auto& file = files_[index];
  if (!file.octets) file.octets = size_in_name(base_of(file.name), 'W');
  if (!file.octets) file.octets = uidlist_.extension(uid, 'W');
  if (!file.octets) file.octets = modseqs_.cached_number(uid, CacheItem::Octets);
  if (!file.octets) {
    TRY(auto reader, open(uid));
    TRY(file.octets, reader.octets());
    modseqs_.cache_number(uid, CacheItem::Octets, *file.octets);
  }
  return *files_[index].octets;
}

Result<std::uint64_t> MaildirFolder::stored_bytes(Uid uid) {
  TRY(auto index, require(uid));
  if (auto size = size_in_name(base_of(files_[index].name), 'S')) return *size;
  struct stat status {};
  TRY(bool there,
      with_file(
          index, [&](const std::string& file) { return ::stat(file.c_str(), &status) == 0; },
          "stat"));
  if (!there) return expunged(uid);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::int64_t> MaildirFolder::internal_date(Uid uid) {
  TRY(auto index, require(uid));
  auto& date = files_[index].date;
  if (date) return *date;
  if (auto kept = modseqs_.cached_number(uid, CacheItem::InternalDate)) {
    date = static_cast<std::int64_t>(*kept);
    return *date;
  }
  struct stat status {};
  TRY(bool there,
      with_file(
          index, [&](const std::string& file) { return ::stat(file.c_str(), &status) == 0; },
          "stat"));
  if (!there) return expunged(uid);
  date = status.st_mtim.tv_sec;
  if (*date >= 0)
    modseqs_.cache_number(uid, CacheItem::InternalDate, static_cast<std::uint64_t>(*date));
  return *date;
}

Result<MessageReader> MaildirFolder::open(Uid uid) {
  TRY(auto index, require(uid));
  Descriptor file;
  TRY(bool there, with_file(
                      index,
                      [&](const std::string& file_path) {
                        file = Descriptor(::open(file_path.c_str(), O_RDONLY | O_CLOEXEC));
                        return static_cast<bool>(file);
                      },
                      "open"));
  if (!there) return expunged(uid);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", path(files_[index]));
  return MessageReader(std::move(file), 0, static_cast<std::uint64_t>(status.st_size));
}

// --- changes -------------------------------------------------------------------------

Result<KeywordSet> MaildirFolder::keyword_set(const FlagChange& change) {
  TRY_DO(keywords_.refresh());
  bool may_add = change.mode != FlagChange::Mode::Remove;
  if (!may_add || keywords_.all_known(change.keywords)) return keywords_.known(change.keywords);
  TRY(auto lock, uidlist_.lock());
  return keywords_.add(change.keywords, lock);
}

Result<Stored> MaildirFolder::store(std::span<const Uid> uids, const FlagChange& change) {
  TRY(auto keywords, keyword_set(change));
  Stored stored;
  auto cur = stamp_of_cur();
  for (auto uid : uids) {
    auto index = index_of(uid);
    if (!index) continue;
    if (change.unchanged_since && messages_[*index].modseq > *change.unchanged_since) {
      stored.modified.push_back(uid);
      continue;
    }
    TRY(bool changed, store_one(*index, change, keywords));
    if (changed) stored.changed.push_back(uid);
  }
  changed_cur(cur);
  auto changed = stored.changed;
  std::ranges::sort(changed);
  modseqs_.settle(messages_, changed, {});
  return stored;
}

// The file's own name is what the change is applied to, so that no other program's flags get lost.
Result<bool> MaildirFolder::store_one(std::size_t index, const FlagChange& change,
                                      KeywordSet keywords) {
  FilenameFlags flags;
  std::string name;
  TRY(bool there, with_file(
                      index,
                      [&](const std::string& file) {
                        const auto& old_name = files_[index].name;
                        auto old = FilenameFlags::parse(old_name);
                        flags = changed_flags(old, change, keywords);
                        name = old_name;
                        if (flags == old) return ::access(file.c_str(), F_OK) == 0;
                        name = flags.apply(old_name);
                        auto target = directory_ + "/cur/" + name;
                        return ::rename(file.c_str(), target.c_str()) == 0;
                      },
                      "rename"));
  if (!there) return false;
  if (files_[index].name != name) files_[index].in_new = false;
  files_[index].name = std::move(name);
  auto& message = messages_[index];
  if (message.flags == flags.flags && message.keywords == flags.keywords) return false;
  message.flags = flags.flags;
  message.keywords = flags.keywords;
  return true;
}

Result<std::vector<Uid>> MaildirFolder::expunge(std::span<const Uid> uids) {
  std::vector<Uid> gone;
  std::uint64_t bytes = 0;
  auto cur = stamp_of_cur();
  Result<void> outcome;
  for (auto uid : uids) {
    auto index = index_of(uid);
    if (!index) continue;
    auto size = stored_bytes(uid);
    auto removed = with_file(
        *index, [](const std::string& file) { return ::unlink(file.c_str()) == 0; }, "remove");
    if (!removed) {
      outcome = std::move(removed).error();
      break;
    }
    if (!*removed) continue;
    gone.push_back(uid);
    if (size) bytes += *size;
  }
  if (!gone.empty()) {
    changed_cur(cur);
    layout_->quota().add(-static_cast<std::int64_t>(bytes),
                         -static_cast<std::int64_t>(gone.size()));
    std::ranges::sort(gone);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (std::ranges::binary_search(gone, messages_[i].uid)) continue;
      if (kept != i) {
        messages_[kept] = messages_[i];
        files_[kept] = std::move(files_[i]);
      }
      ++kept;
    }
    messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(kept), messages_.end());
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(kept), files_.end());
  }
  modseqs_.settle(messages_, {}, gone);
  if (!outcome && gone.empty()) return std::move(outcome).error();
  return gone;
}

Result<Copied> MaildirFolder::copy(std::span<const Uid> uids, const MailboxName& target) {
  return transfer(uids, target, true);
}

Result<Copied> MaildirFolder::move(std::span<const Uid> uids, const MailboxName& target) {
  TRY(auto copied, transfer(uids, target, false));
  TRY_DO(expunge(copied.source));
  return copied;
}

// Hard links under new names: no byte is copied, and mtime, the INTERNALDATE, stays.
Result<Copied> MaildirFolder::transfer(std::span<const Uid> uids, const MailboxName& target,
                                       bool grows) {
  TRY_DO(layout_->require(target));
  auto quota = layout_->quota();
  std::vector<std::size_t> indexes;
  std::vector<std::string> names;
  std::uint64_t bytes = 0;
  for (auto uid : uids) {
    auto index = index_of(uid);
    auto size = index ? stored_bytes(uid) : Result<std::uint64_t>(expunged(uid));
    if (!size) continue;
    bytes += *size;
    indexes.push_back(*index);
    for (auto& name : keyword_names(messages_[*index].keywords)) names.push_back(std::move(name));
  }
  if (grows) {
    TRY_DO(quota.check(bytes, indexes.size()));
  }

  auto directory = layout_->directory(target);
  auto uidlist = layout_->uidlist(target);
  KeywordFile keywords(directory);
  TRY(auto lock, uidlist.lock());
  TRY_DO(uidlist.refresh());
  TRY_DO(keywords.refresh());
  if (!keywords.all_known(names)) {
    TRY_DO(keywords.add(names, lock));
  }
  Copied copied;
  Arrivals arrivals(directory, layout_->settings().fsync);
  for (auto index : indexes) {
    const auto& message = messages_[index];
    FilenameFlags flags{message.flags, keywords.known(keyword_names(message.keywords))};
    auto file = arrivals.target(name_of_copy(files_[index]), flags);
    auto linked = copy_file(index, file.path);
    if (!linked && linked.error().text().starts_with("[EXPUNGED]")) continue;
    if (!linked) return std::move(linked).error();
    arrivals.add(file);
    copied.source.push_back(message.uid);
  }
  TRY(copied.target, arrivals.give_uids(uidlist, lock));
  copied.uid_validity = uidlist.uid_validity();
  quota.add(static_cast<std::int64_t>(bytes), static_cast<std::int64_t>(copied.target.size()));
  return copied;
}

// A new unique name with the sizes of the old one.
std::string MaildirFolder::name_of_copy(const File& file) const {
  const auto& settings = layout_->settings();
  auto base = unique_filename(settings.clock->now().count(), settings.hostname);
  for (char letter : {'S', 'W'}) {
    auto size = size_in_name(base_of(file.name), letter);
    if (size) base.append(",").append(1, letter).append("=").append(std::to_string(*size));
  }
  return base;
}

Result<void> MaildirFolder::copy_file(std::size_t index, const std::string& target) {
  bool must_copy = false;
  TRY(bool there, with_file(
                      index,
                      [&](const std::string& file) {
                        if (::link(file.c_str(), target.c_str()) == 0) return true;
                        must_copy = errno == EMLINK || errno == EPERM || errno == EXDEV ||
                                    errno == EOPNOTSUPP;
                        return must_copy;
                      },
                      "link"));
  auto uid = messages_[index].uid;
  if (!there) return expunged(uid);
  if (!must_copy) return {};
  // A file system, or a kernel setting, that does not let us link.
  TRY(auto size, stored_bytes(uid));
  TRY(auto date, internal_date(uid));
  TRY(auto file, open_file(path(files_[index]), O_RDONLY));
  auto slash = target.rfind('/');
  auto directory = target.substr(0, target.rfind('/', slash - 1));
  TRY(auto draft, Draft::write(*layout_, directory, "", {FileRange{file.number(), 0, size}}, date));
  return draft.publish(target.substr(directory.size() + 1, slash - directory.size() - 1),
                       target.substr(slash + 1));
}

std::vector<std::string> MaildirFolder::watch_paths() const {
  return {directory_ + "/new", directory_ + "/cur"};
}

std::optional<std::string> MaildirFolder::cached(Uid uid, CacheItem item) {
  return modseqs_.cached(uid, item);
}

void MaildirFolder::cache(Uid uid, CacheItem item, std::string_view value) {
  modseqs_.cache(uid, item, value);
}

}  // namespace pennypost::store
