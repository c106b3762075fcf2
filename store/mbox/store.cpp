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

Error exists_already(const MailboxName& name) {
  return Error(550, "[ALREADYEXISTS] Mailbox already exists: " + name.text());
}

}  // namespace

MboxStore::MboxStore(MailLocation location, StoreSettings settings)
    : layout_(std::make_shared<MboxLayout>(std::move(location), std::move(settings))),
      subscribed_(layout_->root() + "/.subscriptions", '/') {}

// --- folders -------------------------------------------------------------------------

Result<std::set<MailboxName>> MboxStore::names() const {
  std::set<MailboxName> names{MailboxName::inbox()};
  if (FileStamp::of(layout_->root()).exists()) {
    TRY_DO(list_below(layout_->root(), "", MailboxName::levels_max, names));
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
    if (::stat(path.c_str(), &status) != 0 || path == layout_->location().inbox) continue;
    if (S_ISDIR(status.st_mode) && depth > 1) {
      TRY_DO(list_below(path, prefix + entry + "/", depth - 1, names));
    }
    auto utf8 = modified_utf7_decode(prefix + entry);
    if (!S_ISREG(status.st_mode) || !utf8) continue;
    auto name = MailboxName::parse(*utf8, separator(), SIZE_MAX, SIZE_MAX);
    if (name && names.size() < layout_->settings().folders_max) names.insert(*std::move(name));
  }
  return {};
}

Result<std::vector<Folder>> MboxStore::list() {
  TRY(auto existing, names());
  TRY(auto subscribed, subscribed_.read());
  return folder_tree(std::move(existing), separator(), subscribed, settings());
}

Result<void> MboxStore::subscribe(const MailboxName& name) {
  TRY_DO(make_directories(layout_->root()));
  return subscribed_.add(name);
}

Result<void> MboxStore::create(const MailboxName& name) {
  if (name.is_inbox() || layout_->exists(name)) return exists_already(name);
  TRY_DO(layout_->prepare(name));
  TRY_DO(open_file(layout_->file(name), O_RDWR | O_CREAT | O_EXCL));
  MboxLayout::State state;
  TRY(state.uid_validity, layout_->new_uid_validity());
  return layout_->keep_state(name, state);
}

Result<void> MboxStore::remove(const MailboxName& name) {
  if (name.is_inbox()) return Error(550, "[CANNOT] INBOX can't be deleted");
  TRY_DO(layout_->require(name));
  TRY(auto lock, layout_->lock(name));
  auto path = layout_->file(name);
  if (::unlink(path.c_str()) != 0) return file_error("remove", path);
  auto state = layout_->state(name);
  if (settings().index != nullptr && state) {
    settings().index->forget({path, state->uid_validity});
  }
  layout_->forget_state(name);
  return {};
}

Result<void> MboxStore::rename(const MailboxName& from, const MailboxName& to) {
  TRY(auto existing, names());
  if (existing.contains(to)) return exists_already(to);
  if (is_below(to, from, separator())) {
    return Error(550, "[CANNOT] A mailbox can't be renamed to one below itself");
  }
  if (from.is_inbox()) {
    TRY_DO(create(to));
    TRY(auto inbox, open(from, Access::ReadWrite));
    std::vector<Uid> uids;
    for (const auto& message : inbox->messages()) uids.push_back(message.uid);
    TRY_DO(inbox->move(uids, to));
    return {};
  }
  bool any = false;
  for (const auto& name : existing) {
    if (name != from && !is_below(name, from, separator())) continue;
    TRY(auto target, parse_name(renamed(name, from, to)));
    if (existing.contains(target)) return exists_already(target);
    TRY_DO(layout_->prepare(target));
    TRY(auto lock, layout_->lock(name));
    auto state = layout_->state(name);
    auto path = layout_->file(name);
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, layout_->file(target).c_str(),
                    RENAME_NOREPLACE) != 0) {
      return file_error("rename", path);
    }
    if (state) {
      TRY_DO(layout_->keep_state(target, *state));
    }
    layout_->forget_state(name);
    any = true;
  }
  if (!any) return Error(550, "[NONEXISTENT] Mailbox does not exist: " + from.text());
  return {};
}

// --- messages ------------------------------------------------------------------------

Result<std::unique_ptr<Mailbox>> MboxStore::open(const MailboxName& name, Access access) {
  TRY_DO(layout_->require(name));
  auto folder = std::make_unique<MboxFolder>(layout_, name, access);
  TRY_DO(folder->sync());
  return std::unique_ptr<Mailbox>(std::move(folder));
}

Result<Status> MboxStore::status(const MailboxName& name, bool with_size) {
  TRY_DO(layout_->require(name));
  MboxFolder folder(layout_, name, Access::ReadOnly);
  TRY_DO(folder.sync());
  return count_status(folder, with_size);
}

Result<Appended> MboxStore::append(const MailboxName& name, std::span<const NewMessage> messages) {
  TRY_DO(layout_->require(name));
  MboxFolder folder(layout_, name, Access::ReadOnly);
  return folder.append(messages);
}

Result<Usage> MboxStore::usage() {
  TRY(auto existing, names());
  Usage usage;
  for (const auto& name : existing) {
    usage.bytes += FileStamp::of(layout_->file(name)).size;
  }
  return usage;
}

}  // namespace pennypost::store
