#include "store/mbox/layout.h"

#include <unistd.h>

#include "store/mailbox/file.h"
#include "store/mailbox/folder_store.h"

namespace pennypost::store {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

std::string MboxLayout::file(const MailboxName& name) const {
  if (name.is_inbox()) return location_.inbox;
  return root() + "/" + modified_utf7_encode(name.text()).value_or("");
}

bool MboxLayout::exists(const MailboxName& name) const {
  if (name.is_inbox()) return true;
  struct stat status {};
  return ::stat(file(name).c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

Result<void> MboxLayout::require(const MailboxName& name) const {
  if (!exists(name)) return is_nonexistent(name);
  return prepare(name);
}

Result<void> MboxLayout::prepare(const MailboxName& name) const {
  auto path = file(name);
  if (!settings_.create_missing && name.is_inbox() && !FileStamp::of(path).exists()) {
    return missing_mailbox(path);
  }
  return make_directories(parent_of(path));
}

Result<MboxLock> MboxLayout::lock(const MailboxName& name) const {
  TRY(auto lock, MboxLock::take(file(name), MboxLock::Kind::Write, settings_));
  TRY_DO(recover(name, lock.descriptor()));
  return lock;
}

Result<MboxLock> MboxLayout::lock_existing(const MailboxName& name) const {
  if (name.is_inbox()) return lock(name);
  TRY(auto lock, MboxLock::take(file(name), MboxLock::Kind::Change, settings_));
  if (lock.descriptor() < 0) return is_nonexistent(name);
  TRY_DO(recover(name, lock.descriptor()));
  return lock;
}

Result<void> MboxLayout::recover(const MailboxName& name, int descriptor) const {
  TRY(auto journal, state_.journal(name));
  if (!journal) return {};
  return MboxJournal(descriptor, file(name), *std::move(journal)).recover();
}

Result<MboxJournal> MboxLayout::new_journal(const MailboxName& name, int descriptor) const {
  TRY(auto place, state_.new_journal(name));
  return MboxJournal(descriptor, file(name), std::move(place));
}

}  // namespace pennypost::store
