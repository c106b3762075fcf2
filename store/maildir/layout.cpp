#include "store/maildir/layout.h"

#include <fcntl.h>
#include <unistd.h>

#include "store/mailbox/file.h"
#include "store/mailbox/folder_store.h"
#include "store/maildir/uidvalidity.h"

namespace pennypost::store {
namespace {

std::string parent_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// Of a name that has no place on disk; never listed, as it begins with two dots.
constexpr std::string_view nowhere = ".no-such-name";

}  // namespace

MaildirLayout::MaildirLayout(MailLocation location, StoreSettings settings)
    : location_(std::move(location)),
      settings_(std::move(settings)),
      names_(settings_.namespace_prefix,
             settings_.separator == '\0' ? separator_on_disk : settings_.separator,
             separator_on_disk, location_.escape) {}

Result<void> MaildirLayout::check(const MailboxName& name) const {
  TRY_DO(names_.on_disk(name));
  return {};
}

std::string MaildirLayout::directory(const MailboxName& name) const {
  if (name.is_inbox()) return root();
  auto text = names_.on_disk(name);
  auto entry = text ? modified_utf7_encode(*text) : std::nullopt;
  return root() + "/." + entry.value_or(std::string(nowhere));
}

bool MaildirLayout::exists(const MailboxName& name) const {
  if (name.is_inbox()) return true;
  struct stat status {};
  return ::stat(directory(name).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<void> MaildirLayout::make(const MailboxName& name) const {
  auto path = directory(name);
  bool is_new = !FileStamp::of(path).exists();
  bool incomplete = false;
  for (const char* part : {"/new", "/cur", "/tmp"}) {
    incomplete = incomplete || !FileStamp::of(path + part).exists();
  }
  if (!incomplete) return {};
  if (!settings_.create_missing && name.is_inbox()) return missing_mailbox(path);
  TRY_DO(make_directories(path));
  for (const char* part : {"/tmp", "/new", "/cur"}) {
    TRY_DO(make_directory(path + part));
  }
  if (!name.is_inbox()) {
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
  if (!exists(name)) return no_such_mailbox(name);
  return make(name);
}

UidList MaildirLayout::uidlist(const MailboxName& name) const {
  auto root_path = root();
  const Clock* clock = settings_.clock;
  return UidList(
      directory(name), [root_path, clock] { return next_uid_validity(root_path, *clock); },
      settings_.brief_lock_ms);
}

}  // namespace pennypost::store
