// Watches mailboxes and reports those in which something may have changed.
//
// One inotify instance serves a whole process. If the kernel grants no more watches
// (fs.inotify.max_user_watches) or instances, a mailbox's mtime is polled instead: poll_seconds()
// then tells how often changed() must be called even if the descriptor stays silent.
//
// Not thread-safe: it belongs to the event loop's thread. changed() and add() do not block on disk
// beyond a stat() per polled path. A reported change may be the caller's own; sync() then finds
// nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pennypost::store {

class Watcher {
 public:
  using Id = std::uint64_t;

  /// Without `use_inotify` it only polls, as if the kernel granted no instance.
  explicit Watcher(bool use_inotify = true);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// Becomes readable when changed() has something to report; -1 if only polling is left.
  int descriptor() const;
  /// How often, in seconds, changed() must be called in any case; 0: only when the descriptor is
  /// readable.
  int poll_seconds() const;

  /// Watches the paths that Mailbox::watch_paths() names. The same path may be watched many times.
  Id add(const std::vector<std::string>& paths);
  void remove(Id id);

  /// The watches in which something changed since the last call, each once. Never blocks. While
  /// the kernel reports changes, paths are polled no more often than poll_seconds() asks for.
  std::vector<Id> changed();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pennypost::store
