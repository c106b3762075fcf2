#include "imapd/session/change_hub.h"

namespace pennypost::imap {

using namespace std::chrono_literals;

ChangeHub::ChangeHub(Loop& loop) : loop_(loop) {}

ChangeHub::Subscription::Subscription(ChangeHub& hub, const std::vector<std::string>& paths,
                                      Event& event, bool& changed)
    : hub_(hub), id_(hub.watcher_.add(paths)) {
  hub_.listeners_[id_] = Listener{&event, &changed};
}

ChangeHub::Subscription::~Subscription() {
  hub_.watcher_.remove(id_);
  hub_.listeners_.erase(id_);
}

Task<> ChangeHub::run() {
  // Without a descriptor, or with watches that only polling serves, the watcher is asked at
  // intervals. A watch may become one of these at any time, so it is asked every `longest` anyway.
  constexpr auto longest = 30s;
  std::optional<Poll> poll;
  if (watcher_.descriptor() >= 0) poll.emplace(loop_, watcher_.descriptor());
  for (;;) {
    Duration pause = longest;
    if (watcher_.poll_seconds() > 0) pause = std::chrono::seconds(watcher_.poll_seconds());
    if (poll) {
      co_await poll->ready(Poll::Event::Readable, loop_.now() + pause);
    } else {
      co_await loop_.sleep(pause);
    }
    notify();
  }
}

void ChangeHub::notify() {
  for (auto id : watcher_.changed()) {
    auto found = listeners_.find(id);
    if (found == listeners_.end()) continue;
    *found->second.changed = true;
    found->second.event->notify_all();
  }
}

}  // namespace pennypost::imap
