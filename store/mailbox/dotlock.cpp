#include "store/mailbox/dotlock.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "store/mailbox/file.h"
#include "store/mailbox/lock_tries.h"

namespace pennypost::store {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::size_t owner_bytes_max = 512;  // "pid:host" in a lock file
constexpr std::uint64_t proc_stat_bytes_max = 4096;

// The locks of this process: distinguishes another thread's lock from one left by an earlier
// process with the same pid.
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

// The text of a lock file, made by any program.
std::string text_of(const FilePlace& lock) {
  auto file = lock.open(O_RDONLY);
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  auto text = read_range(file.number(), 0, owner_bytes_max, lock.path());
  return text ? *text : std::string();
}

// The process that holds the lock, if it is one of this host.
std::optional<pid_t> local_owner(const FilePlace& lock) {
  auto text = text_of(lock);
  std::string_view owner = trim(text);
  auto colon = owner.find(':');
  if (colon == std::string_view::npos || owner.substr(colon + 1) != lock_hostname()) return {};
  auto pid = parse_number(owner.substr(0, colon));
  if (!pid || *pid == 0 || *pid > INT32_MAX) return {};
  return static_cast<pid_t>(*pid);
}

// A process that was killed, but that nobody has waited for yet, holds nothing any more.
bool is_running(pid_t process) {
  if (::kill(process, 0) != 0 && errno == ESRCH) return false;
  auto path = "/proc/" + std::to_string(process) + "/stat";
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto stat = file ? read_range(file.number(), 0, proc_stat_bytes_max, path) : std::string();
  if (!stat) return true;
  // The name in brackets may hold any octets.
  auto state = stat->rfind(") ");
  return state == std::string::npos || stat->substr(state + 2, 1) != "Z";
}

std::int64_t changed_at(const FilePlace& place) {
  struct stat status {};
  if (!place.look(status)) return 0;
  return std::max(status.st_mtim.tv_sec, status.st_ctim.tv_sec);
}

// Removes the lock if it is stale.
void break_stale(const FilePlace& lock, const FilePlace& file, const DotlockRule& rule) {
  auto seen = lock.stamp();
  if (!seen.exists()) return;
  bool stale = false;
  if (auto owner = local_owner(lock)) {
    stale = !is_running(*owner) || (*owner == ::getpid() && !own_locks().contains(lock.path()));
  } else {
    auto last_change = std::max(changed_at(lock), changed_at(file));
    stale = wall_clock_ns() / second_ns > last_change + rule.stale_seconds;
  }
  if (stale && lock.stamp() == seen) lock.remove();
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

Result<Dotlock> Dotlock::take(const FilePlace& file, const DotlockRule& rule) {
  auto lock = file.with_suffix(".lock");
  const auto& path = lock.path();
  std::chrono::milliseconds delay(rule.delay_ms);
  LockTries tries(path, delay * (rule.attempts - 1), delay,
                  std::chrono::milliseconds(rule.brief_ms));
  while (tries.again()) {
    // Noted before the file is made, or another thread could take our lock for one of a dead
    // process.
    if (own_locks().insert(path)) {
      auto made = lock.create(O_WRONLY, 0644);
      if (made) {
        // An empty lock file is a lock too, but names no owner.
        auto text = std::to_string(::getpid()) + ":" + lock_hostname();
        (void)!::write(made.number(), text.data(), text.size());
        struct stat status {};
        ::fstat(made.number(), &status);
        tries.succeeded();
        return Dotlock(std::move(lock), status.st_ino);
      }
      int error = errno;
      own_locks().erase(path);
      if (error != EEXIST) return file_error("create the lock", path, error);
      break_stale(lock, file, rule);
    }
  }
  return Error(451, ResponseCode::InUse, path + " is held by another program");
}

bool Dotlock::is_held_by_others(const std::string& path) {
  const std::string lock = path + ".lock";
  return FileStamp::of(lock).exists() && !own_locks().contains(lock);
}

Dotlock::Dotlock(Dotlock&& other) noexcept
    : lock_(std::exchange(other.lock_, std::nullopt)), inode_(other.inode_) {}

Dotlock& Dotlock::operator=(Dotlock&& other) noexcept {
  if (this != &other) {
    release();
    lock_ = std::exchange(other.lock_, std::nullopt);
    inode_ = other.inode_;
  }
  return *this;
}

void Dotlock::release() {
  if (!lock_) return;
  // Another program may have broken the lock and made its own.
  if (lock_->stamp().inode == inode_) lock_->remove();
  own_locks().erase(lock_->path());
  lock_.reset();
}

}  // namespace pennypost::store
