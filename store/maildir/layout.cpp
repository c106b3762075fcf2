#include "store/maildir/layout.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/folder_store.h"
#include "store/maildir/folder_list.h"
#include "store/maildir/uidvalidity.h"

namespace pennypost::store {
namespace {

// Of a name that has no place on disk; never listed, as it begins with two dots.
constexpr std::string_view nowhere = ".no-such-name";
// Of a directory's name, and of all of LAYOUT=fs: longer ones leave no room for names of files.
constexpr std::size_t level_bytes_max = 250;
constexpr std::size_t path_bytes_max = 2048;

MailLocation with_inbox(MailLocation location) {
  if (location.inbox.empty()) location.inbox = location.root;
  return location;
}

Error bad_name(const std::string& why) {
  return Error(550, ResponseCode::Cannot, "Mailbox name " + why);
}

}  // namespace

MaildirLayout::MaildirLayout(MailLocation location, StoreSettings settings)
    : location_(with_inbox(std::move(location))),
      settings_(std::move(settings)),
      names_(settings_.namespace_prefix,
             settings_.separator == '\0' ? separator_on_disk() : settings_.separator,
             separator_on_disk(), location_.escape) {}

Result<void> MaildirLayout::check(const MailboxName& name) const {
  TRY_DO(names_.on_disk(name));
  if (name.is_inbox()) return {};
  auto path = entry(name);
  if (path.size() > (is_fs() ? path_bytes_max : level_bytes_max)) return bad_name("is too long");
  if (!is_fs()) return {};
  bool is_first = true;
  for (auto level : split(path, '/')) {
    if (is_kept_name(level, is_first)) {
      return bad_name("has the level " + std::string(level) +
                      ", which on disk is kept for something other than a folder");
    }
    if (level.size() > level_bytes_max) return bad_name("has too long a level");
    is_first = false;
  }
  path.insert(0, root() + "/");
  for (const auto& kept : {location_.inbox, location_.index, location_.control}) {
    bool is_below_root = kept.starts_with(root() + "/") && kept != root() + "/INBOX";
    if (is_below_root && (path + "/").starts_with(kept + "/")) {
      return bad_name("is used by something other than a folder");
    }
  }
  return {};
}

// The name on disk, below the root and below what CONTROL= names.
std::string MaildirLayout::entry(const MailboxName& name) const {
  auto text = names_.on_disk(name);
  auto encoded = text ? modified_utf7_encode(*text) : std::nullopt;
  return (is_fs() ? "" : ".") + encoded.value_or(std::string(nowhere));
}

std::string MaildirLayout::directory(const MailboxName& name) const {
  return name.is_inbox() ? location_.inbox : root() + "/" + entry(name);
}

std::string MaildirLayout::control(const MailboxName& name) const {
  return location_.control.empty() ? directory(name) : location_.control + "/" + entry(name);
}

const std::string& MaildirLayout::lists() const { return lists_directory(location_); }

std::optional<FolderKind> MaildirLayout::kind(const MailboxName& name) const {
  if (name.is_inbox()) return FolderKind::Mailbox;
  auto path = directory(name);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return {};
  return is_fs() && !has_messages(path) ? FolderKind::Directory : FolderKind::Mailbox;
}

Result<void> MaildirLayout::make(const MailboxName& name) const {
  auto path = directory(name);
  bool is_new = !FileStamp::of(path).exists();
  bool incomplete = false;
  for (const char* part : {"/new", "/cur", "/tmp"}) {
    incomplete = incomplete || !FileStamp::of(path + part).exists();
  }
  if (incomplete && !settings_.create_missing && name.is_inbox()) return missing_mailbox(path);
  if (!location_.control.empty() && !FileStamp::of(control(name)).exists()) {
    TRY_DO(make_directories(control(name)));
  }
  if (!incomplete) return {};
  TRY_DO(make_directories(path));
  TRY_DO(make_directories(root()));
  for (const char* part : {"/tmp", "/new", "/cur"}) {
    TRY_DO(make_directory(path + part));
  }
  if (!name.is_inbox() && !is_fs()) {
    TRY_DO(open_file(path + "/maildirfolder", O_WRONLY | O_CREAT));
  }
  if (!settings_.fsync) return {};
  TRY_DO(sync_directory(path));
  // The parents of the Maildir may be new as well; those that we can't read are older.
  for (auto above = path; is_new && above != "/" && parent_of(above) != above;) {
    above = parent_of(above);
    if (::access(above.c_str(), R_OK) != 0) break;
    TRY_DO(sync_directory(above));
    if (above == parent_of(root())) break;
  }
  return {};
}

Result<void> MaildirLayout::require(const MailboxName& name) const {
  auto found = kind(name);
  if (!found) return no_such_mailbox(name);
  if (found == FolderKind::Directory) return not_selectable(name);
  return make(name);
}

UidList MaildirLayout::uidlist(const MailboxName& name) const {
  const Clock* clock = settings_.clock;
  return UidList(
      control(name), [path = lists(), clock] { return next_uid_validity(path, *clock); },
      settings_.brief_lock_ms);
}

}  // namespace pennypost::store
