#include "store/mailbox/lock_tries.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

namespace pennypost::store {
namespace {

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 2ms;
// How long a lock is assumed to be held after a wait in vain.
constexpr auto held_believed = 10s;
constexpr std::size_t held_paths_max = 10'000;

// The locks for which this process has waited in vain.
class HeldByOthers {
 public:
  bool contains(const std::string& path) {
    std::lock_guard guard(mutex_);
    auto found = until_.find(path);
    return found != until_.end() && Steady::now() < found->second;
  }
  void insert(const std::string& path) {
    std::lock_guard guard(mutex_);
    // Forgetting them all costs each a short wait.
    if (until_.size() >= held_paths_max) until_.clear();
    until_[path] = Steady::now() + held_believed;
  }
  void erase(const std::string& path) {
    std::lock_guard guard(mutex_);
    if (!until_.empty()) until_.erase(path);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Steady::time_point> until_;
};

HeldByOthers& held_by_others() {
  static HeldByOthers held;
  return held;
}

}  // namespace

LockTries::LockTries(std::string path, Milliseconds longest, Milliseconds pause_max,
                     Milliseconds brief)
    : path_(std::move(path)), pause_max_(pause_max) {
  if (brief > 0ms) longest = std::min(longest, brief);
  if (brief > 0ms && held_by_others().contains(path_)) longest = 0ms;
  end_ = Steady::now() + longest;
}

bool LockTries::again() {
  if (is_first_) {
    is_first_ = false;
    pause_ = std::min(first_pause, pause_max_);
    return true;
  }
  if (Steady::now() >= end_) {
    held_by_others().insert(path_);
    return false;
  }
  std::this_thread::sleep_for(pause_);
  pause_ = std::min(pause_ * 2, pause_max_);
  return true;
}

void LockTries::succeeded() { held_by_others().erase(path_); }

}  // namespace pennypost::store
