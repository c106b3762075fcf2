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
// --- folders -------------------------------------------------------------------------

Result<std::set<MailboxName>> MboxStore::names() const {
  std::set<MailboxName> names{MailboxName::inbox()};
  if (FileStamp::of(layout().root()).exists()) {
    TRY_DO(list_below(layout().root(), "", MailboxName::levels_max, names));
  }
  return names;
}

Result<void> MboxStore::list_below(const std::string& directory, const std::string& prefix,
                                   std::size_t depth, std::set<MailboxName>& names) const {
  std::vector<std::string> entries;
  TRY_DO(list_directory(directory, SIZE_MAX, [&](std::string_view entry, unsigned char) {
    if (!entry.starts_with('.') && !entry.ends_with(".lock")) entries.emplace_back(entry);
  }));
  for (const auto& entry : entries) {
    auto path = directory + "/" + entry;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || path == layout().location().inbox) continue;
    if (S_ISDIR(status.st_mode) && depth > 1) {
      TRY_DO(list_below(path, prefix + entry + "/", depth - 1, names));
    }
    auto utf8 = modified_utf7_decode(prefix + entry);
    if (!S_ISREG(status.st_mode) || !utf8) continue;
    auto name = MailboxName::parse(*utf8, separator(), SIZE_MAX, SIZE_MAX);
    if (name && names.size() < settings().folders_max) names.insert(*std::move(name));
  }
  return {};
}

Result<void> MboxStore::prepare() const { return make_directories(layout().root()); }

Result<void> MboxStore::create(const MailboxName& name) {
  if (name.is_inbox() || layout().exists(name)) return exists_already(name);
  TRY(auto existing, names());
  if (existing.size() >= settings().folders_max) {
    return Error(550, ResponseCode::Limit,
                 "There are " + std::to_string(existing.size()) + " folders already");
  }
  TRY_DO(layout().prepare(name));
  TRY_DO(open_file(layout().file(name), O_RDWR | O_CREAT | O_EXCL));
  MboxState::Uids uids;
  TRY(uids.uid_validity, layout().state().new_uid_validity(*settings().clock));
  return layout().state().keep(name, uids);
}

Result<void> MboxStore::remove(const MailboxName& name) {
  if (name.is_inbox()) return inbox_stays();
  TRY_DO(layout().require(name));
  TRY(auto lock, layout().lock(name));
  auto path = layout().file(name);
  if (::unlink(path.c_str()) != 0) return file_error("remove", path);
  TRY(auto uids, layout().state().uids(name));
  if (settings().index != nullptr && uids) {
    settings().index->forget({path, uids->uid_validity});
  }
  return layout().state().forget(name);
}

Result<void> MboxStore::move_folders(
    const std::vector<std::pair<MailboxName, MailboxName>>& moves) {
  // None is moved while another program is at one of them.
  std::vector<MboxLock> locks;
  for (const auto& [name, target] : moves) {
    TRY_DO(layout().prepare(target));
    TRY(auto lock, layout().lock_existing(name));
    locks.push_back(std::move(lock));
  }
  for (const auto& [name, target] : moves) {
    TRY(auto uids, layout().state().uids(name));
    auto path = layout().file(name);
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, layout().file(target).c_str(),
                    RENAME_NOREPLACE) != 0) {
      return file_error("rename", path);
    }
    if (uids) {
      TRY_DO(layout().state().keep(target, *uids));
    }
    TRY_DO(layout().state().forget(name));
  }
  return {};
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
  for (const auto& name : existing) {
    usage.bytes += FileStamp::of(layout().file(name)).size;
  }
  return usage;
}

}  // namespace pennypost::store
