#include "store/mbox/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>

#include "store/mailbox/file.h"
#include "store/mailbox/lock_tries.h"

namespace pennypost::store {
namespace {

Error refused(const std::string& path, const std::string& why) {
  return Error(451, ResponseCode::NoPerm, "the mailbox " + path + " " + why);
}

// Refuses a file of somebody else, and a link that others have put in its place.
Result<void> judge(const Descriptor& file, const FilePlace& place, const StoreSettings& settings) {
  const auto& path = place.path();
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return file_error("stat", path);
  if (!S_ISREG(status.st_mode)) return refused(path, "is not a regular file");
  if (!place.is_in_spool()) return {};
  if (status.st_nlink > 1) {
    return refused(path, "has more than one name (hard links); remove the others");
  }
  if (settings.strict_mailbox_ownership && status.st_uid != ::geteuid()) {
    return refused(path,
                   "is not owned by recipient; chown it, or set strict_mailbox_ownership = no");
  }
  return {};
}

// A file in the mail spool is created with the group's right to the directory, and belongs to the
// user. An existing file is opened with the user's rights alone.
Result<Descriptor> open_mbox(const FilePlace& place, MboxLock::Kind kind,
                             const StoreSettings& settings) {
  const auto& path = place.path();
  int mode = kind == MboxLock::Kind::Read ? O_RDONLY : O_RDWR;
  auto file = place.open(mode);
  if (!file && errno == ENOENT) {
    if (kind != MboxLock::Kind::Write) return file;
    file = place.create(mode, 0600);
    // Another program created it first.
    if (!file && errno == EEXIST) file = place.open(mode);
    if (!file) return file_error("create", path);
  }
  if (!file && errno == ELOOP && place.is_in_spool()) return refused(path, "is a symbolic link");
  if (!file) return file_error("open", path);
  TRY_DO(judge(file, place, settings));
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

// Whether this is still the file that is open: another program may have replaced it.
bool is_current(int descriptor, const FilePlace& place) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && place.look(named) && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

std::chrono::milliseconds mbox_lock_timeout(const StoreSettings& settings) {
  return std::chrono::milliseconds(settings.deliver_lock_delay_ms) *
         (settings.deliver_lock_attempts - 1);
}

Result<MboxLock> MboxLock::take(const std::string& path, Kind kind, const StoreSettings& settings) {
  std::chrono::milliseconds delay(settings.deliver_lock_delay_ms);
  LockTries tries(path, mbox_lock_timeout(settings), delay,
                  std::chrono::milliseconds(settings.brief_lock_ms));
  auto place = FilePlace::of_mbox(path, settings);
  while (tries.again()) {
    MboxLock lock;
    TRY(lock.file_, open_mbox(place, kind, settings));
    if (!lock.file_) return lock;
    TRY(bool locked, lock.try_all(place, kind, settings));
    if (!locked || !is_current(lock.descriptor(), place)) continue;
    tries.succeeded();
    return lock;
  }
  return Error(451, ResponseCode::InUse, path + " is locked by another program");
}

Result<bool> MboxLock::try_all(const FilePlace& place, Kind kind, const StoreSettings& settings) {
  for (const auto& method : settings.mailbox_delivery_lock) {
    if (method == "fcntl" && !try_fcntl(descriptor(), kind)) return false;
    if (method == "flock" && !try_flock(descriptor(), kind)) return false;
    if (method != "dotlock" || kind == Kind::Read) continue;
    TRY(bool locked, try_dotlock(place, settings));
    if (!locked) return false;
  }
  return true;
}

Result<bool> MboxLock::try_dotlock(const FilePlace& place, const StoreSettings& settings) {
  DotlockRule once;
  once.attempts = 1;
  once.delay_ms = 1;
  once.stale_seconds = settings.stale_lock_seconds;
  auto dotlock = Dotlock::take(place, once);
  if (dotlock) {
    dotlock_.emplace(*std::move(dotlock));
    return true;
  }
  const auto& error = dotlock.error();
  if (error.response_code() == ResponseCode::InUse) return false;
  if (settings.dotlock_may_fail && error.response_code() == ResponseCode::NoPerm) return true;
  return error;
}

}  // namespace pennypost::store
