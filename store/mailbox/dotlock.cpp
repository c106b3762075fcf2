#include "store/mailbox/dotlock.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <set>

#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/lock_tries.h"

namespace pennypost::store {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

// The locks of this process: tells another thread's lock from one left by an earlier process that
// bore the same pid.
class OwnLocks {
 public:
  bool contains(const std::string& path) {
    std::lock_guard guard(mutex_);
    return paths_.contains(path);
  }
  bool insert(const std::string& path) {
    std::lock_guard guard(mutex_);
    return paths_.insert(path).second;
  }
  void erase(const std::string& path) {
    std::lock_guard guard(mutex_);
    paths_.erase(path);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> paths_;
};

OwnLocks& own_locks() {
  static OwnLocks locks;
  return locks;
}

// The process that holds the lock, if it is one of this host.
std::optional<pid_t> local_owner(const std::string& lock) {
  auto text = read_file(lock, 512);
  if (!text || !text->has_value()) return {};
  std::string_view owner = trim(**text);
  auto colon = owner.find(':');
  if (colon == std::string_view::npos || owner.substr(colon + 1) != lock_hostname()) return {};
  auto pid = parse_number(owner.substr(0, colon));
  if (!pid || *pid == 0 || *pid > INT32_MAX) return {};
  return static_cast<pid_t>(*pid);
}

std::int64_t changed_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return std::max(status.st_mtim.tv_sec, status.st_ctim.tv_sec);
}

// Removes the lock if it is stale.
void break_stale(const std::string& lock, const std::string& path, const DotlockRule& rule) {
  auto seen = FileStamp::of(lock);
  if (!seen.exists()) return;
  bool stale = false;
  if (auto owner = local_owner(lock)) {
    bool lives = ::kill(*owner, 0) == 0 || errno != ESRCH;
    stale = !lives || (*owner == ::getpid() && !own_locks().contains(lock));
  } else {
    auto last_change = std::max(changed_at(lock), changed_at(path));
    stale = wall_clock_ns() / second_ns > last_change + rule.stale_seconds;
  }
  if (stale && FileStamp::of(lock) == seen) {
    PrivilegedGroup group(rule.group);
    ::unlink(lock.c_str());
  }
}

}  // namespace

const std::string& lock_hostname() {
  static const std::string name = [] {
    std::array<char, 256> buffer{};
    ::gethostname(buffer.data(), buffer.size() - 1);
    return std::string(buffer.data());
  }();
  return name;
}

Result<Dotlock> Dotlock::take(const std::string& path, const DotlockRule& rule) {
  const std::string lock = path + ".lock";
  std::chrono::milliseconds delay(rule.delay_ms);
  LockTries tries(lock, delay * (rule.attempts - 1), delay,
                  std::chrono::milliseconds(rule.brief_ms));
  while (tries.again()) {
    // The mark comes before the file, lest another thread takes a lock of ours for a dead one's.
    if (own_locks().insert(lock)) {
      int error = 0;
      Descriptor file;
      {
        PrivilegedGroup group(rule.group);
        file = Descriptor(::open(lock.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        error = errno;
      }
      if (file) {
        // An empty lock file is a lock too, only one without an owner to look at.
        auto text = std::to_string(::getpid()) + ":" + lock_hostname();
        (void)!::write(file.number(), text.data(), text.size());
        struct stat status {};
        ::fstat(file.number(), &status);
        tries.succeeded();
        return Dotlock(lock, rule.group, status.st_ino);
      }
      own_locks().erase(lock);
      if (error != EEXIST) return file_error("create the lock", lock, error);
      break_stale(lock, path, rule);
    }
  }
  return Error(451, "[INUSE] " + lock + " is held by another program");
}

bool Dotlock::is_held_by_others(const std::string& path) {
  const std::string lock = path + ".lock";
  return FileStamp::of(lock).exists() && !own_locks().contains(lock);
}

Dotlock::Dotlock(Dotlock&& other) noexcept
    : path_(std::move(other.path_)), group_(std::move(other.group_)), inode_(other.inode_) {
  other.path_.clear();
}

Dotlock& Dotlock::operator=(Dotlock&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    group_ = std::move(other.group_);
    inode_ = other.inode_;
    other.path_.clear();
  }
  return *this;
}

void Dotlock::release() {
  if (path_.empty()) return;
  // Somebody may have broken it and made his own.
  if (FileStamp::of(path_).inode == inode_) {
    PrivilegedGroup group(group_);
    ::unlink(path_.c_str());
  }
  own_locks().erase(path_);
  path_.clear();
}

PrivilegedGroup::PrivilegedGroup(const std::string& name) {
  if (name.empty()) return;
  std::array<char, 4096> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return;
  if (found == nullptr || found->gr_gid == ::getegid()) return;
  // The system call itself: glibc's setegid would change the group of every thread.
  auto before = ::getegid();
  if (::syscall(SYS_setresgid, -1, found->gr_gid, -1) == 0) before_ = before;
}

PrivilegedGroup::~PrivilegedGroup() {
  if (before_) ::syscall(SYS_setresgid, -1, *before_, -1);
}

}  // namespace pennypost::store
