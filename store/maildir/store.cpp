#include "store/maildir/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "store/index/index.h"
#include "store/mailbox/file.h"
#include "store/maildir/folder.h"
#include "store/maildir/folder_cache.h"
#include "store/maildir/folder_list.h"

namespace pennypost::store {
namespace {

// Dovecot's name for a folder that is being removed: neither program lists it, and either removes
// it.
constexpr std::string_view trash_name = "..DOVECOT-TRASHED";
// In the root, for the account itself.
constexpr std::string_view account_annotations_name = "/pennypost-account-meta";

constexpr std::size_t watched_directories_max = 500;

// Of a level without messages. Its files may be anybody's.
Error not_empty() {
  return Error(550, ResponseCode::Cannot,
               "Mailbox has others below it, or files in its directory: delete them first");
}

}  // namespace

// --- folders -------------------------------------------------------------------------

Result<FolderKinds> MaildirStore::names() const {
  FolderKinds names{{MailboxName::inbox(), FolderKind::Mailbox}};
  auto depth_max = std::max(settings().folder_depth_max, MailboxName::levels_max);
  TRY(auto folders, list_folders(layout().location(), {settings().folders_max, depth_max}));
  for (const auto& folder : folders) {
    auto name = layout().names().outside(folder.name);
    // Skips a directory that its folder name would not lead back to, such as .inbox.x for INBOX.x.
    if (!name || !layout().check(*name) || layout().directory(*name) != folder.directory) continue;
    names.emplace(*std::move(name),
                  folder.has_messages ? FolderKind::Mailbox : FolderKind::Directory);
  }
  if (layout().location().drops_parents) hide_childless(names);
  return names;
}

// NO-NOSELECT: those without messages that have no folder with messages below them.
void MaildirStore::hide_childless(FolderKinds& names) const {
  std::set<MailboxName> kept;
  for (const auto& [name, kind] : names) {
    if (kind == FolderKind::Directory) continue;
    for (auto& above : names_above(name, separator())) kept.insert(std::move(above));
  }
  std::erase_if(names, [&](const auto& one) {
    return one.second == FolderKind::Directory && !kept.contains(one.first);
  });
}

Result<void> MaildirStore::prepare() const { return layout().make(MailboxName::inbox()); }

Result<void> MaildirStore::create(const MailboxName& name) {
  auto found = layout().kind(name);
  if (found == FolderKind::Mailbox) return already_exists(name);
  if (!found) {
    TRY_DO(check_new(name));
  }
  TRY_DO(layout().make(MailboxName::inbox()));
  TRY_DO(layout().make(name));
  // UIDVALIDITY is set from the start, so that a folder that is removed and made again has another.
  auto uidlist = layout().uidlist(name);
  TRY(auto lock, uidlist.lock());
  TRY_DO(uidlist.refresh());
  if (uidlist.uid_validity() == 0) {
    TRY_DO(uidlist.give({}, lock));
  }
  return {};
}

Result<void> MaildirStore::create_parent(const MailboxName& name) {
  if (!layout().is_fs() || layout().location().drops_parents) return create(name);
  if (layout().kind(name)) return already_exists(name);
  TRY_DO(check_new(name));
  return make_directories(layout().directory(name));
}

// Whether nothing else is in the way, and there may be one more.
Result<void> MaildirStore::check_new(const MailboxName& name) const {
  TRY(auto existing, names());
  if (existing.size() >= settings().folders_max) return too_many_folders(existing.size());
  auto path = layout().directory(name);
  bool is_there = FileStamp::of(path).exists();
  // With LAYOUT=fs a file may also be where a directory above would have to be.
  while (layout().is_fs() && !is_there && path.size() > layout().root().size()) {
    path = parent_of(path);
    struct stat status {};
    is_there = ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
  }
  if (!is_there) return {};
  return Error(550, ResponseCode::Cannot, "There is something else of that name");
}

Result<void> MaildirStore::remove(const MailboxName& name) {
  if (name.is_inbox()) return cannot_delete_inbox();
  if (!layout().kind(name)) return no_such_mailbox(name);
  auto directory = layout().directory(name);
  auto uidlist = layout().uidlist(name);
  TRY_DO(uidlist.refresh());
  if (layout().is_fs()) {
    TRY_DO(remove_messages(directory));
  } else {
    auto trash = layout().root() + "/" + std::string(trash_name);
    TRY_DO(remove_tree(trash));
    if (::rename(directory.c_str(), trash.c_str()) != 0) return file_error("remove", directory);
    TRY_DO(remove_tree(trash));
  }
  TRY_DO(remove_lists(name));
  if (layout().location().drops_parents) remove_empty_above(name);
  forget(directory);
  if (settings().index != nullptr) {
    settings().index->forget({uidlist.identity(), uidlist.uid_validity()});
  }
  return layout().quota().refresh();
}

// Of LAYOUT=fs: folders below stay, and with them the directory. A link to a folder is removed
// alone. cur/ goes first, at once, and with it the folder.
Result<void> MaildirStore::remove_messages(const std::string& directory) const {
  if (::unlink(directory.c_str()) == 0) return {};
  bool is_mailbox = has_messages(directory);
  std::vector<std::string> files;
  bool has_others = false;
  TRY_DO(list_directory(directory, SIZE_MAX, [&](std::string_view entry, unsigned char) {
    auto path = directory + "/" + std::string(entry);
    struct stat status {};
    bool is_part = entry == "cur" || entry == "new" || entry == "tmp";
    if (is_part || ::lstat(path.c_str(), &status) != 0) return;
    bool is_ours = S_ISREG(status.st_mode) && (is_mailbox || is_kept_name(entry, false));
    if (is_ours) files.push_back(std::move(path));
    has_others = has_others || !is_ours;
  }));
  if (has_others && !is_mailbox) return not_empty();
  auto trash = directory + "/tmp/" + std::string(trash_name);
  TRY_DO(remove_tree(trash));
  if (::rename((directory + "/cur").c_str(), trash.c_str()) != 0 && errno != ENOENT) {
    return file_error("remove", directory + "/cur");
  }
  for (const char* part : {"/cur", "/new", "/tmp"}) {
    TRY_DO(remove_tree(directory + part));
  }
  for (const auto& file : files) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) return file_error("remove", file);
  }
  bool is_left = ::rmdir(directory.c_str()) != 0 && errno != ENOENT;
  if (is_left && errno != ENOTEMPTY && errno != EEXIST) return file_error("remove", directory);
  return {};
}

// What CONTROL= has of a folder that is gone. Those of folders below stay.
Result<void> MaildirStore::remove_lists(const MailboxName& name) const {
  if (layout().location().control.empty()) return {};
  auto directory = layout().control(name);
  if (!layout().is_fs()) return remove_tree(directory);
  for (const char* list : {"/dovecot-uidlist", "/dovecot-keywords"}) {
    auto path = directory + list;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("remove", path);
  }
  ::rmdir(directory.c_str());
  return {};
}

// Of LAYOUT=fs: the directories above a folder that has gone, as far as nothing is left in them.
void MaildirStore::remove_empty_above(const MailboxName& name) const {
  if (!layout().is_fs()) return;
  auto remove_up_to = [](const std::string& root, std::string path) {
    for (path = parent_of(path); path.starts_with(root + "/"); path = parent_of(path)) {
      if (::rmdir(path.c_str()) != 0) return;
    }
  };
  remove_up_to(layout().root(), layout().directory(name));
  const auto& control = layout().location().control;
  if (!control.empty()) remove_up_to(control, layout().control(name));
}

// Forgets what was known of a folder under this path.
void MaildirStore::forget(const std::string& directory) const {
  if (settings().folder_cache != nullptr) settings().folder_cache->forget(directory);
  if (settings().index != nullptr) settings().index->keep_state(directory, "");
}

// With LAYOUT=fs what is below a folder goes along with its directory.
Result<void> MaildirStore::move_folders(
    const std::vector<std::pair<MailboxName, MailboxName>>& moves) {
  for (const auto& [name, target] : moves) {
    bool goes_along = layout().is_fs() && &name != &moves.front().first;
    if (!goes_along && !layout().location().control.empty()) {
      TRY_DO(remove_tree(layout().control(target), MailboxName::levels_max));
      if (FileStamp::of(layout().control(name)).exists()) {
        TRY_DO(move_directory(layout().control(name), layout().control(target)));
      }
    }
    if (!goes_along) {
      TRY_DO(move_directory(layout().directory(name), layout().directory(target)));
    }
    forget(layout().directory(name));
  }
  const auto& [from, to] = moves.front();
  if (settings().fsync) {
    TRY_DO(sync_directory(parent_of(layout().directory(to))));
    TRY_DO(sync_directory(parent_of(layout().directory(from))));
  }
  // As Dovecot has it, with NO-NOSELECT or without.
  remove_empty_above(from);
  return {};
}

Result<void> MaildirStore::move_directory(const std::string& from, const std::string& to) const {
  TRY_DO(make_directories(parent_of(to)));
  // What is not listed for want of folders below it is in nobody's way.
  if (layout().location().drops_parents) ::rmdir(to.c_str());
  // Nothing that is not listed is replaced, such as a directory without a folder's name.
  int failed = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
    failed = ::rename(from.c_str(), to.c_str());
  }
  if (failed != 0 && errno == EEXIST) {
    return Error(550, ResponseCode::Cannot, "There is something else of that name");
  }
  return failed == 0 ? Result<void>() : file_error("rename", from);
}

Result<AnnotationFile> MaildirStore::annotations(const std::optional<MailboxName>& name) {
  bool is_parent = name && layout().kind(*name) == FolderKind::Directory;
  if (!is_parent) {
    TRY_DO(layout().require(name.value_or(MailboxName::inbox())));
  }
  auto path = name ? layout().directory(*name).append(MaildirLayout::annotations_name)
                   : std::string(layout().root()).append(account_annotations_name);
  return AnnotationFile(std::move(path), settings().brief_lock_ms, settings().fsync);
}

// The list of subscriptions is a file in one of them. Folders are directories in the root; with
// LAYOUT=fs they are in other folders as well, and of many not all are watched.
Result<std::vector<std::string>> MaildirStore::watch_paths() {
  TRY_DO(layout().require(MailboxName::inbox()));
  std::vector<std::string> paths{layout().root()};
  if (layout().lists() != layout().root()) paths.push_back(layout().lists());
  if (!layout().is_fs()) return paths;
  TRY(auto existing, names());
  for (const auto& [name, kind] : existing) {
    if (paths.size() >= watched_directories_max) break;
    if (!name.is_inbox()) paths.push_back(layout().directory(name));
  }
  return paths;
}

Result<std::string> MaildirStore::directory_of(const MailboxName& name) {
  if (!layout().kind(name)) return no_such_mailbox(name);
  return layout().directory(name);
}

std::unique_ptr<Mailbox> MaildirStore::folder(const MailboxName& name, Access access) const {
  return std::make_unique<MaildirFolder>(shared_layout(), name, access);
}

}  // namespace pennypost::store
