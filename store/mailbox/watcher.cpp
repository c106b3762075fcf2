#include "store/mailbox/watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <set>

#include "common/base/descriptor.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::chrono::seconds poll_interval{2};
constexpr std::uint32_t interesting =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

struct Watcher::State {
  // A path without a kernel watch, and its last stamp.
  struct Polled {
    std::string path;
    FileStamp stamp;
    std::int64_t looked_at_ns = 0;
  };

  Descriptor inotify;
  Id last_id = 0;
  std::map<int, std::set<Id>> by_watch;    // kernel watch -> the ids that use it
  std::map<int, std::string> paths;        // kernel watch -> its path
  std::map<Id, std::vector<int>> watches;  // of every id, perhaps none
  std::map<Id, std::vector<Polled>> polled;
  std::chrono::steady_clock::time_point polled_at;
  std::set<Id> changed;

  void poll_path(Id id, const std::string& path) {
    Polled entry;
    entry.path = path;
    entry.looked_at_ns = wall_clock_ns();
    entry.stamp = FileStamp::of(path);
    polled[id].push_back(std::move(entry));
  }

  void watch_path(Id id, const std::string& path) {
    int watch = inotify ? ::inotify_add_watch(inotify.number(), path.c_str(), interesting) : -1;
    if (watch < 0) return poll_path(id, path);
    by_watch[watch].insert(id);
    watches[id].push_back(watch);
    paths[watch] = path;
  }

  // The kernel has dropped a watch: its file or directory is gone, and another may take its place.
  void lost_watch(int watch) {
    auto at = by_watch.find(watch);
    if (at == by_watch.end()) return;
    auto path = paths[watch];
    for (auto id : at->second) {
      std::erase(watches[id], watch);
      poll_path(id, path);
    }
    by_watch.erase(at);
    paths.erase(watch);
  }

  // Whether there were any.
  bool read_events() {
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    bool are_some = false;
    while (inotify) {
      auto got = ::read(inotify.number(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      are_some = true;
      for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        at += sizeof(inotify_event) + event->len;
        note(*event);
      }
    }
    return are_some;
  }

  void note(const inotify_event& event) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      for (const auto& [id, ignored] : watches) changed.insert(id);
    }
    auto at = by_watch.find(event.wd);
    if (at == by_watch.end()) return;
    changed.insert(at->second.begin(), at->second.end());
    if ((event.mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(inotify.number(), event.wd);
    if ((event.mask & (IN_IGNORED | IN_MOVE_SELF)) != 0) lost_watch(event.wd);
  }

  void poll() {
    polled_at = std::chrono::steady_clock::now();
    for (auto& [id, entries] : polled) {
      for (auto& entry : entries) {
        auto now_ns = wall_clock_ns();
        auto stamp = FileStamp::of(entry.path);
        if (stamp != entry.stamp || (stamp.exists() && !stamp.settled(entry.looked_at_ns))) {
          changed.insert(id);
        }
        entry.stamp = stamp;
        entry.looked_at_ns = now_ns;
      }
    }
  }
};

Watcher::Watcher(bool use_inotify) : state_(std::make_unique<State>()) {
  if (use_inotify) state_->inotify = Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

Watcher::~Watcher() = default;

int Watcher::descriptor() const { return state_->inotify.number(); }

int Watcher::poll_seconds() const {
  return state_->polled.empty() ? 0 : static_cast<int>(poll_interval.count());
}

Watcher::Id Watcher::add(const std::vector<std::string>& paths) {
  auto id = ++state_->last_id;
  state_->watches[id];
  for (const auto& path : paths) state_->watch_path(id, path);
  return id;
}

void Watcher::remove(Id id) {
  auto at = state_->watches.find(id);
  if (at == state_->watches.end()) return;
  for (int watch : at->second) {
    auto& wanted_by = state_->by_watch[watch];
    wanted_by.erase(id);
    if (!wanted_by.empty()) continue;
    ::inotify_rm_watch(state_->inotify.number(), watch);
    state_->by_watch.erase(watch);
    state_->paths.erase(watch);
  }
  state_->watches.erase(at);
  state_->polled.erase(id);
  state_->changed.erase(id);
}

// Where much happens under kernel watches, what must be polled costs no more than elsewhere.
std::vector<Watcher::Id> Watcher::changed() {
  bool are_events = state_->read_events();
  if (!are_events || std::chrono::steady_clock::now() - state_->polled_at >= poll_interval) {
    state_->poll();
  }
  std::vector<Id> ids(state_->changed.begin(), state_->changed.end());
  state_->changed.clear();
  return ids;
}

}  // namespace pennypost::store
