#include "store/mailbox/file_place.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>

#include "common/base/safe_open.h"

namespace pennypost::store {
namespace {

struct Groups {
  gid_t real = 0;
  gid_t effective = 0;
  gid_t saved = 0;

  static Groups of_thread() {
    Groups groups;
    ::getresgid(&groups.real, &groups.effective, &groups.saved);
    return groups;
  }
  bool has_other() const { return saved != effective; }
};

/// Makes the saved group this thread's effective group while the object lives. Other threads keep
/// theirs. Does nothing if the saved group is the effective one.
class PrivilegedGroup {
 public:
  explicit PrivilegedGroup(bool is_wanted) {
    auto groups = Groups::of_thread();
    if (!is_wanted || !groups.has_other()) return;
    // The bare system call, since glibc's setegid would change the group of every thread.
    if (::syscall(SYS_setresgid, -1, groups.saved, -1) == 0) before_ = groups.effective;
  }
  PrivilegedGroup(const PrivilegedGroup&) = delete;
  PrivilegedGroup& operator=(const PrivilegedGroup&) = delete;
  ~PrivilegedGroup() {
    int error = errno;
    // A thread that can't give the group back must not continue.
    if (before_) {
      ASSERT(::syscall(SYS_setresgid, -1, *before_, -1) == 0);
    }
    errno = error;
  }

 private:
  std::optional<gid_t> before_;
};

/// Opens the spool directory. On the path to it only root's links are followed or, if there is no
/// group to borrow, the user's own as well.
Descriptor open_spool(const std::string& path) {
  std::array<uid_t, 1> self{::geteuid()};
  std::span<const uid_t> owners(self);
  if (Groups::of_thread().has_other()) owners = {};
  return open_trusted(path, owners, O_PATH | O_DIRECTORY);
}

bool is_same_directory(const Descriptor& one, const Descriptor& other) {
  struct stat a {};
  struct stat b {};
  return ::fstat(one.number(), &a) == 0 && ::fstat(other.number(), &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

FilePlace FilePlace::of_mbox(const std::string& path, const StoreSettings& settings) {
  FilePlace elsewhere(path);
  auto slash = path.rfind('/');
  if (slash == std::string::npos || settings.spool_name.empty()) return elsewhere;
  auto parent = path.substr(0, slash);
  if (path.substr(slash + 1) != settings.spool_name) return elsewhere;
  auto directory = open_spool(parent);
  if (!directory) return elsewhere;
  if (parent != settings.spool_directory) {
    auto spool = open_spool(settings.spool_directory);
    if (!spool || !is_same_directory(spool, directory)) return elsewhere;
  }
  FilePlace place(std::make_shared<const Descriptor>(std::move(directory)), parent,
                  settings.spool_name);
  place.borrows_group_ = true;
  return place;
}

FilePlace FilePlace::with_suffix(std::string_view suffix) const {
  auto place = *this;
  place.path_ += suffix;
  place.name_ += suffix;
  return place;
}

int FilePlace::directory() const { return directory_ ? directory_->number() : AT_FDCWD; }

Descriptor FilePlace::open(int flags, mode_t mode) const {
  if (directory_) flags |= O_NOFOLLOW;
  return Descriptor(
      ::openat(directory(), name_.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode));
}

Descriptor FilePlace::create(int flags, mode_t mode) const {
  PrivilegedGroup group(borrows_group_);
  return open(flags | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

bool FilePlace::remove() const {
  PrivilegedGroup group(borrows_group_);
  return ::unlinkat(directory(), name_.c_str(), 0) == 0;
}

bool FilePlace::rename_to(const FilePlace& target) const {
  return ::renameat(directory(), name_.c_str(), target.directory(), target.name_.c_str()) == 0;
}

Result<void> FilePlace::sync_directory() const {
  auto path = path_.substr(0, path_.rfind('/'));
  if (!directory_) return pennypost::sync_directory(path);
  Descriptor readable(::openat(directory(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return file_error("open", path);
  return sync_file(readable.number(), path);
}

bool FilePlace::look(struct stat& status) const {
  int flags = directory_ ? AT_SYMLINK_NOFOLLOW : 0;
  return ::fstatat(directory(), name_.c_str(), &status, flags) == 0;
}

FileStamp FilePlace::stamp() const {
  struct stat status {};
  return look(status) ? FileStamp::of(status) : FileStamp();
}

}  // namespace pennypost::store
