#include "store/maildir/store.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>

#include "store/index/index.h"
#include "store/mailbox/file.h"
#include "store/maildir/folder.h"
#include "store/maildir/folder_cache.h"

namespace pennypost::store {
namespace {

// Dovecot's name for a folder that is being removed: neither program lists it, and either removes
// it.
constexpr std::string_view trash_name = "..DOVECOT-TRASHED";
// In a folder's directory, and in the root for the account itself.
constexpr std::string_view annotations_name = "/pennypost-meta";
constexpr std::string_view account_annotations_name = "/pennypost-account-meta";

bool is_directory(const std::string& path, unsigned char type) {
  if (type == DT_DIR) return true;
  if (type != DT_LNK && type != DT_UNKNOWN) return false;
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

// --- folders -------------------------------------------------------------------------

Result<FolderKinds> MaildirStore::names() const {
  FolderKinds names{{MailboxName::inbox(), FolderKind::Mailbox}};
  const auto& root = layout().root();
  if (!FileStamp::of(root).exists()) return names;
  std::size_t folders = 0;
  TRY_DO(list_directory(root, SIZE_MAX, [&](std::string_view entry, unsigned char type) {
    if (!entry.starts_with('.') || entry.starts_with("..")) return;
    if (!is_directory(root + "/" + std::string(entry), type)) return;
    auto utf8 = modified_utf7_decode(entry.substr(1));
    if (!utf8) return;
    auto name = layout().names().outside(*utf8);
    // Skips a directory that its folder name would not lead back to, such as .inbox.x for INBOX.x.
    if (!name || layout().directory(*name) != root + "/" + std::string(entry)) return;
    if (++folders <= settings().folders_max) names.emplace(*std::move(name), FolderKind::Mailbox);
  }));
  return names;
}

Result<void> MaildirStore::prepare() const { return layout().make(MailboxName::inbox()); }

Result<void> MaildirStore::create(const MailboxName& name) {
  TRY(auto existing, names());
  if (existing.contains(name)) return already_exists(name);
  if (existing.size() >= settings().folders_max) return too_many_folders(existing.size());
  if (FileStamp::of(layout().directory(name)).exists()) {
    return Error(550, ResponseCode::Cannot, "There is something else of that name");
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

Result<void> MaildirStore::remove(const MailboxName& name) {
  if (name.is_inbox()) return cannot_delete_inbox();
  if (!layout().exists(name)) return no_such_mailbox(name);
  auto trash = layout().root() + "/" + std::string(trash_name);
  auto directory = layout().directory(name);
  auto uidlist = layout().uidlist(name);
  TRY_DO(uidlist.refresh());
  TRY_DO(remove_tree(trash));
  if (::rename(directory.c_str(), trash.c_str()) != 0) return file_error("remove", directory);
  TRY_DO(remove_tree(trash));
  forget(directory);
  if (settings().index != nullptr) {
    settings().index->forget({uidlist.identity(), uidlist.uid_validity()});
  }
  return layout().quota().refresh();
}

// Forgets what was known of a folder under this path.
void MaildirStore::forget(const std::string& directory) const {
  if (settings().folder_cache != nullptr) settings().folder_cache->forget(directory);
  if (settings().index != nullptr) settings().index->keep_state(directory, "");
}

Result<void> MaildirStore::move_folders(
    const std::vector<std::pair<MailboxName, MailboxName>>& moves) {
  for (const auto& [name, target] : moves) {
    auto source = layout().directory(name);
    if (::rename(source.c_str(), layout().directory(target).c_str()) != 0) {
      return file_error("rename", source);
    }
    forget(source);
  }
  return settings().fsync ? sync_directory(layout().root()) : Result<void>();
}

Result<AnnotationFile> MaildirStore::annotations(const std::optional<MailboxName>& name) {
  TRY_DO(layout().require(name.value_or(MailboxName::inbox())));
  auto path = name ? layout().directory(*name).append(annotations_name)
                   : std::string(layout().root()).append(account_annotations_name);
  return AnnotationFile(std::move(path), settings().brief_lock_ms, settings().fsync);
}

// Folders are directories in the root, and the list of subscriptions is a file in it.
Result<std::vector<std::string>> MaildirStore::watch_paths() {
  TRY_DO(layout().require(MailboxName::inbox()));
  return std::vector<std::string>{layout().root()};
}

Result<std::string> MaildirStore::directory_of(const MailboxName& name) {
  if (!layout().exists(name)) return no_such_mailbox(name);
  return layout().directory(name);
}

std::unique_ptr<Mailbox> MaildirStore::folder(const MailboxName& name, Access access) const {
  return std::make_unique<MaildirFolder>(shared_layout(), name, access);
}

}  // namespace pennypost::store
