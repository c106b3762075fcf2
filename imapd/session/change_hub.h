// Wakes sessions when the mailboxes that they wait for change.
//
// There is one hub in a process, over one store::Watcher. A subscription lives as long as its
// session idles; it learns that something may have changed, not what.
//
// SEE ALSO   ../command/idle.cpp (who subscribes)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "store/mailbox/watcher.h"

namespace pennypost::imap {

class ChangeHub {
 public:
  explicit ChangeHub(Loop& loop);

  /// Sets `changed` and wakes `event` at each change, until destroyed.
  class Subscription {
   public:
    Subscription(ChangeHub& hub, const std::vector<std::string>& paths, Event& event,
                 bool& changed);
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    ChangeHub& hub_;
    store::Watcher::Id id_;
  };

  /// Watches for ever; to be started once in the process's nursery.
  Task<> run();

 private:
  struct Listener {
    Event* event;
    bool* changed;
  };
  void notify();
  Loop& loop_;
  store::Watcher watcher_;
  std::map<store::Watcher::Id, Listener> listeners_;
};

}  // namespace pennypost::imap
