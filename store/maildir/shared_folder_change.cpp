// Changes and removes single files for SharedFolder, while other programs may rename them at any
// time.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "store/maildir/filename.h"
#include "store/maildir/shared_folder.h"

namespace pennypost::store {
namespace {

constexpr int listings_max = 3;
constexpr int renames_followed_max = 8;
// Other sessions of the folder wait for at most this many files.
constexpr std::size_t files_at_once = 500;

bool has_deleted(Flags flags) { return (flags - Flags::Deleted) != flags; }

// A message's flags after a change.
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

}  // namespace

// --- finding a file ----------------------------------------------------------------------------

Result<bool> SharedFolder::with_file(const View& view, Uid uid,
                                     const std::function<bool(const std::string& path)>& attempt,
                                     std::string_view verb) {
  auto seen = view.state->index_of(uid);
  if (!seen) return false;
  auto path = directory_ + "/" + view.state->path(*seen);
  if (attempt(path)) return true;
  if (errno != ENOENT) return file_error(verb, path);
  std::lock_guard guard(mutex_);
  auto index = state_->index_of(uid);
  if (!index || !is_of_now(view)) return false;
  return with_known_file(*index, attempt, verb);
}

Result<bool> SharedFolder::with_known_file(
    std::size_t index, const std::function<bool(const std::string& path)>& attempt,
    std::string_view verb) {
  std::string path;
  for (int count = 0; count < renames_followed_max; ++count) {
    path = directory_ + "/" + state_->path(index);
    if (attempt(path)) return true;
    if (errno != ENOENT) return file_error(verb, path);
    TRY(bool found, locate(index));
    if (!found) return false;
  }
  return Error(451, ResponseCode::InUse, path + " is renamed again and again");
}

// Finds the new name that another program gave a file; false if it is gone.
Result<bool> SharedFolder::locate(std::size_t index) {
  // Other programs are changing cur/, so it must be listed again, whatever we change now.
  stamps_.cur = FileStamp{};
  auto base = std::string(state_->base(index));
  std::string name;
  bool in_new = false;
  for (int count = 0; count < listings_max && name.empty(); ++count) {
    for (bool look_in_new : {true, false}) {
      TRY_DO(list_directory(directory_ + (look_in_new ? "/new" : "/cur"),
                            layout_->settings().messages_max,
                            [&](std::string_view filename, unsigned char) {
                              if (base_of(filename) != base) return;
                              name = filename;
                              in_new = look_in_new;
                            }));
    }
  }
  if (name.empty()) return false;
  writable().rename(index, name, in_new);
  return true;
}

// --- flags -------------------------------------------------------------------------------------

Result<KeywordSet> SharedFolder::keyword_set(const FlagChange& change) {
  TRY_DO(keywords_.refresh());
  bool may_add = change.mode != FlagChange::Mode::Remove;
  if (!may_add || keywords_.all_known(change.keywords)) return keywords_.known(change.keywords);
  TRY(auto lock, uidlist_.lock());
  return keywords_.add(change.keywords, lock);
}

Result<Stored> SharedFolder::store(View& view, std::span<const Uid> uids,
                                   const FlagChange& change) {
  Stored stored;
  Result<void> outcome;
  do {
    auto some = uids.first(std::min(uids.size(), files_at_once));
    uids = uids.subspan(some.size());
    std::lock_guard guard(mutex_);
    if (!is_of_now(view)) break;
    catch_up(view);
    outcome = store_some(some, change, stored);
    // The session asked for the change, so it sees it at once.
    show(view);
  } while (outcome && !uids.empty());
  if (outcome) return stored;
  if (stored.changed.empty()) return std::move(outcome).error();
  stored.failure = std::move(outcome).error();
  return stored;
}

Result<void> SharedFolder::store_some(std::span<const Uid> uids, const FlagChange& change,
                                      Stored& stored) {
  TRY(auto keywords, keyword_set(change));
  if (keywords_.names() != state_->keywords) writable().keywords = keywords_.names();
  auto& state = writable();
  auto cur = stamp_of_cur();
  std::vector<Uid> changed;
  Result<void> outcome;
  for (auto uid : uids) {
    auto index = state.index_of(uid);
    if (!index) continue;
    if (change.unchanged_since && state.messages[*index].modseq > *change.unchanged_since) {
      stored.modified.push_back(uid);
      continue;
    }
    auto done = store_one(*index, change, keywords);
    bool deletes = change.mode != FlagChange::Mode::Remove && has_deleted(change.flags);
    if (!done && deletes && is_no_room(done.error())) done = keep_deletion(*index);
    if (!done) {
      outcome = std::move(done).error();
      break;
    }
    if (*done) changed.push_back(uid);
  }
  changed_cur(cur);
  stored.changed.insert(stored.changed.end(), changed.begin(), changed.end());
  std::ranges::sort(changed);
  modseqs_.settle(state.messages, changed, {});
  state.highest = modseqs_.highest();
  return outcome;
}

// Deleting must work on a full disk: if the directory has no space for a longer name, \Deleted is
// kept in memory until the message is expunged, it can be renamed, or the process ends.
Result<bool> SharedFolder::keep_deletion(std::size_t index) {
  auto& message = state_->messages[index];
  auto place = std::ranges::lower_bound(unnamed_deletions_, message.uid);
  if (place == unnamed_deletions_.end() || *place != message.uid) {
    unnamed_deletions_.insert(place, message.uid);
  }
  bool is_new = !has_deleted(message.flags);
  message.flags = message.flags | Flags::Deleted;
  return is_new;
}

FilenameFlags SharedFolder::flags_of(Uid uid, std::string_view filename) const {
  auto flags = FilenameFlags::parse(filename);
  bool is_deleted = std::ranges::binary_search(unnamed_deletions_, uid);
  if (is_deleted) flags.flags = flags.flags | Flags::Deleted;
  return flags;
}

// The change is applied to the file's current name, so that other programs' flags are not lost.
Result<bool> SharedFolder::store_one(std::size_t index, const FlagChange& change,
                                     KeywordSet keywords) {
  FilenameFlags flags;
  std::string name;
  bool is_renamed = false;
  TRY(bool there, with_known_file(
                      index,
                      [&](const std::string& file) {
                        auto old_name = state_->name(index);
                        auto old = flags_of(state_->messages[index].uid, old_name);
                        flags = changed_flags(old, change, keywords);
                        is_renamed = flags != FilenameFlags::parse(old_name);
                        if (!is_renamed) return ::access(file.c_str(), F_OK) == 0;
                        name = flags.apply(old_name);
                        auto target = directory_ + "/cur/" + name;
                        return ::rename(file.c_str(), target.c_str()) == 0;
                      },
                      "rename"));
  auto& message = state_->messages[index];
  std::erase(unnamed_deletions_, message.uid);
  if (!there) return false;
  bool changed = message.flags != flags.flags || message.keywords != flags.keywords;
  if (!changed && !is_renamed) return false;
  // The name must be read before the flags change, since it is derived from them.
  auto full_name = is_renamed ? name : state_->name(index);
  bool in_new = state_->in_new(index) && !is_renamed;
  message.flags = flags.flags;
  message.keywords = flags.keywords;
  state_->rename(index, full_name, in_new);
  if (is_renamed) std::erase(in_new_, message.uid);
  return changed;
}

// --- removal -----------------------------------------------------------------------------------

Result<SharedFolder::Removed> SharedFolder::expunge(View& view, std::span<const Uid> uids) {
  Removed removed;
  Result<void> outcome;
  while (outcome && !uids.empty()) {
    auto some = uids.first(std::min(uids.size(), files_at_once));
    uids = uids.subspan(some.size());
    std::lock_guard guard(mutex_);
    if (!is_of_now(view)) break;
    catch_up(view);
    outcome = expunge_some(some, removed);
    // Removed before it was announced to this session: nothing to report.
    std::erase_if(view.untold.added, [this](Uid uid) { return !state_->index_of(uid); });
    show(view);
  }
  std::ranges::sort(removed.uids);
  if (!outcome && removed.uids.empty()) return std::move(outcome).error();
  return removed;
}

Result<void> SharedFolder::expunge_some(std::span<const Uid> uids, Removed& removed) {
  std::vector<Uid> gone;
  auto cur = stamp_of_cur();
  Result<void> outcome;
  for (auto uid : uids) {
    auto index = state_->index_of(uid);
    if (!index) continue;
    std::uint64_t bytes = 0;
    auto done = with_known_file(
        *index,
        [&](const std::string& file) {
          struct stat status {};
          // The actual size, not the one in the name: the quota gets back what the file uses.
          if (::stat(file.c_str(), &status) == 0) {
            bytes = static_cast<std::uint64_t>(status.st_size);
          }
          return ::unlink(file.c_str()) == 0;
        },
        "remove");
    if (!done) {
      outcome = std::move(done).error();
      break;
    }
    if (!*done) continue;
    gone.push_back(uid);
    removed.bytes += bytes;
  }
  if (gone.empty()) return outcome;
  changed_cur(cur);
  removed.uids.insert(removed.uids.end(), gone.begin(), gone.end());
  std::ranges::sort(gone);
  auto& state = writable();
  state.erase(gone);
  std::erase_if(in_new_, [&](Uid uid) { return std::ranges::binary_search(gone, uid); });
  modseqs_.settle(state.messages, {}, gone);
  state.highest = modseqs_.highest();
  return outcome;
}

}  // namespace pennypost::store
