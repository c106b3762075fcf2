#include "store/mbox/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "store/index/index.h"
#include "store/mailbox/file.h"
#include "store/mbox/folder.h"

namespace pennypost::store {
namespace {

// Dovecot has one in every directory with mailboxes; we have one in the root only.
constexpr std::string_view dovecot_index_name = ".imap";

}  // namespace

// --- folders -------------------------------------------------------------------------

Result<FolderKinds> MboxStore::names() const {
  auto beside_inbox = layout().kind(MailboxName::inbox());
  FolderKinds names{{MailboxName::inbox(), beside_inbox.value_or(FolderKind::Mailbox)}};
  if (FileStamp::of(layout().root()).exists()) {
    TRY_DO(list_below(layout().root(), "", MailboxName::levels_max, names));
  }
  return names;
}

// Links that lead back into the tree end at folders_max too.
Result<void> MboxStore::list_below(const std::string& directory, const std::string& prefix,
                                   std::size_t depth, FolderKinds& names) const {
  std::vector<std::string> entries;
  TRY_DO(list_directory(directory, SIZE_MAX, [&](std::string_view entry, unsigned char) {
    if (!entry.starts_with('.')) entries.emplace_back(entry);
  }));
  for (const auto& entry : entries) {
    if (names.size() >= settings().folders_max) return {};
    auto utf8 = modified_utf7_decode(prefix + entry);
    if (!utf8) continue;
    auto name = MailboxName::parse(*utf8, separator(), SIZE_MAX, SIZE_MAX);
    auto path = directory + "/" + entry;
    // Skips a file that its folder name would not lead back to, such as inbox/x for INBOX/x.
    if (!name || !layout().check(*name) || layout().path_below_root(*name) != path) continue;
    auto kind = layout().kind(*name);
    if (!kind) continue;
    if (!name->is_inbox()) names.emplace(*name, *kind);
    if (*kind == FolderKind::Leaf || depth == 1) continue;
    TRY_DO(list_below(path, prefix + entry + "/", depth - 1, names));
  }
  return {};
}

Result<void> MboxStore::prepare() const { return make_directories(layout().root()); }

Result<void> MboxStore::create(const MailboxName& name) {
  TRY_DO(check_new(name));
  TRY_DO(layout().prepare(name));
  auto made = open_file(layout().file(name), O_RDWR | O_CREAT | O_EXCL);
  // Another program created it first.
  if (!made && layout().is_there(name)) return already_exists(name);
  if (!made) return std::move(made).error();
  MboxState::Uids uids;
  TRY(uids.uid_validity, layout().state().new_uid_validity(*settings().clock));
  return layout().state().keep(name, uids);
}

Result<void> MboxStore::create_parent(const MailboxName& name) {
  TRY_DO(check_new(name));
  return make_directories(layout().file(name));
}

// Whether the name is free and allowed.
Result<void> MboxStore::check_new(const MailboxName& name) const {
  if (name.is_inbox() || layout().is_there(name)) return already_exists(name);
  for (const auto& above : names_above(name, separator())) {
    if (layout().kind(above) == FolderKind::Leaf) return no_inferiors(above);
  }
  TRY(auto existing, names());
  if (existing.size() >= settings().folders_max) return too_many_folders(existing.size());
  return {};
}

Result<void> MboxStore::remove(const MailboxName& name) {
  if (name.is_inbox()) return cannot_delete_inbox();
  if (layout().kind(name) == FolderKind::Directory) return remove_directory(name);
  TRY_DO(layout().require(name));
  TRY(auto lock, layout().lock_existing(name));
  auto path = layout().file(name);
  if (::unlink(path.c_str()) != 0) return file_error("remove", path);
  TRY(auto uids, layout().state().uids(name));
  if (settings().index != nullptr && uids) {
    settings().index->forget({path, uids->uid_validity});
  }
  return layout().state().forget(name);
}

// Removes a directory that is empty but for Dovecot's indexes of former mailboxes in it.
Result<void> MboxStore::remove_directory(const MailboxName& name) const {
  auto path = layout().file(name);
  bool has_index = false;
  bool is_empty = true;
  TRY_DO(list_directory(path, SIZE_MAX, [&](std::string_view entry, unsigned char) {
    bool is_index = entry == dovecot_index_name;
    has_index = has_index || is_index;
    is_empty = is_empty && is_index;
  }));
  if (is_empty && has_index) {
    TRY_DO(remove_tree(path + "/" + std::string(dovecot_index_name)));
  }
  if (is_empty && ::rmdir(path.c_str()) == 0) return layout().state().forget(name);
  if (is_empty && errno != ENOTEMPTY && errno != EEXIST) return file_error("remove", path);
  return Error(550, ResponseCode::Cannot, "Mailbox has others below it: delete them first");
}

Result<void> MboxStore::move_folders(
    const std::vector<std::pair<MailboxName, MailboxName>>& moves) {
  // Nothing is moved while another program has one of them locked.
  std::vector<MboxLock> locks;
  for (const auto& [name, target] : moves) {
    if (layout().kind(name) == FolderKind::Directory) continue;
    TRY(auto lock, layout().lock_existing(name));
    locks.push_back(std::move(lock));
  }
  for (const auto& [name, target] : moves) {
    TRY_DO(move_folder(name, target));
  }
  locks.clear();
  // Removes the emptied directories; a file of another program may keep one.
  for (auto at = moves.rbegin(); at != moves.rend(); ++at) {
    if (layout().kind(at->first) == FolderKind::Directory) (void)remove_directory(at->first);
  }
  return {};
}

Result<void> MboxStore::move_folder(const MailboxName& name, const MailboxName& target) const {
  auto path = layout().file(name);
  auto target_path = layout().file(target);
  if (layout().kind(name) == FolderKind::Directory) {
    TRY_DO(make_directories(target_path));
    return layout().state().move_annotations(name, target);
  }
  TRY_DO(layout().prepare(target));
  TRY(auto uids, layout().state().uids(name));
  if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, target_path.c_str(), RENAME_NOREPLACE) != 0) {
    return errno == EEXIST ? already_exists(target) : file_error("rename", path);
  }
  if (uids) {
    TRY_DO(layout().state().keep(target, *uids));
  }
  TRY_DO(layout().state().move_annotations(name, target));
  return layout().state().forget(name);
}

// --- messages ------------------------------------------------------------------------

std::unique_ptr<Mailbox> MboxStore::folder(const MailboxName& name, Access access) const {
  return std::make_unique<MboxFolder>(shared_layout(), name, access);
}

Result<Appended> MboxStore::append(const MailboxName& name, std::span<const NewMessage> messages) {
  TRY_DO(layout().require(name));
  MboxFolder opened(shared_layout(), name, Access::ReadOnly);
  return opened.append(messages);
}

Result<Usage> MboxStore::usage() {
  TRY(auto existing, names());
  Usage usage;
  for (const auto& [name, kind] : existing) {
    if (kind != FolderKind::Directory) usage.bytes += FileStamp::of(layout().file(name)).size;
  }
  return usage;
}

Result<AnnotationFile> MboxStore::annotations(const std::optional<MailboxName>& name) {
  if (name && !name->is_inbox() && !layout().kind(*name)) return no_such_mailbox(*name);
  TRY(auto path, layout().state().annotations(name));
  return AnnotationFile(std::move(path), settings().brief_lock_ms, settings().fsync);
}

// What is in a directory that is made later is noticed by whoever looks again.
Result<std::vector<std::string>> MboxStore::watch_paths() {
  TRY(auto existing, names());
  std::vector<std::string> paths{layout().root()};
  for (const auto& [name, kind] : existing) {
    if (kind == FolderKind::Directory) paths.push_back(layout().file(name));
  }
  return paths;
}

}  // namespace pennypost::store
