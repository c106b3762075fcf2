#include "store/mbox/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>

#include "store/mailbox/file.h"
#include "store/mailbox/lock_tries.h"

namespace pennypost::store {
namespace {

// A file in the mail spool is made with the group's right to the directory; it is the user's own.
Result<Descriptor> open_mbox(const std::string& path, MboxLock::Kind kind,
                             const StoreSettings& settings) {
  int mode = kind == MboxLock::Kind::Read ? O_RDONLY : O_RDWR;
  Descriptor file(::open(path.c_str(), mode | O_CLOEXEC));
  if (!file && errno == ENOENT && kind != MboxLock::Kind::Write) return file;
  if (!file && errno == ENOENT) {
    PrivilegedGroup group(settings.mail_privileged_group);
    file = Descriptor(::open(path.c_str(), mode | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return file_error("create", path);
  }
  if (!file) return file_error("open", path);
  return file;
}

bool try_fcntl(int descriptor, MboxLock::Kind kind) {
  struct flock lock {};
  lock.l_type = static_cast<short>(kind == MboxLock::Kind::Read ? F_RDLCK : F_WRLCK);
  lock.l_whence = SEEK_SET;
  return ::fcntl(descriptor, F_OFD_SETLK, &lock) == 0;
}

bool try_flock(int descriptor, MboxLock::Kind kind) {
  return ::flock(descriptor, (kind == MboxLock::Kind::Read ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0;
}

// Whether the path still names the file that is open: another program may have replaced it.
bool is_current(int descriptor, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

std::chrono::milliseconds mbox_lock_patience(const StoreSettings& settings) {
  return std::chrono::milliseconds(settings.deliver_lock_delay_ms) *
         (settings.deliver_lock_attempts - 1);
}

Result<MboxLock> MboxLock::take(const std::string& path, Kind kind, const StoreSettings& settings) {
  std::chrono::milliseconds delay(settings.deliver_lock_delay_ms);
  LockTries tries(path, mbox_lock_patience(settings), delay,
                  std::chrono::milliseconds(settings.brief_lock_ms));
  while (tries.again()) {
    MboxLock lock;
    TRY(lock.file_, open_mbox(path, kind, settings));
    if (!lock.file_) return lock;
    TRY(bool locked, lock.try_all(path, kind, settings));
    if (!locked || !is_current(lock.descriptor(), path)) continue;
    tries.succeeded();
    return lock;
  }
  return Error(451, "[INUSE] " + path + " is locked by another program");
}

Result<bool> MboxLock::try_all(const std::string& path, Kind kind, const StoreSettings& settings) {
  for (const auto& method : settings.mailbox_delivery_lock) {
    if (method == "fcntl" && !try_fcntl(descriptor(), kind)) return false;
    if (method == "flock" && !try_flock(descriptor(), kind)) return false;
    if (method != "dotlock" || kind == Kind::Read) continue;
    DotlockRule once;
    once.attempts = 1;
    once.delay_ms = 1;
    once.stale_seconds = settings.stale_lock_seconds;
    once.group = settings.mail_privileged_group;
    auto dotlock = Dotlock::take(path, once);
    if (dotlock) {
      dotlock_.emplace(*std::move(dotlock));
    } else if (dotlock.error().text().starts_with("[INUSE]")) {
      return false;
    } else {
      return std::move(dotlock).error();
    }
  }
  return true;
}

}  // namespace pennypost::store
