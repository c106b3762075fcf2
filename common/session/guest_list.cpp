#include "common/session/guest_list.h"

#include <utility>

namespace pennypost {

/// Waits for a session that the list may destroy meanwhile.
class GuestList::Stay::Serving {
 public:
  Serving(Stay& stay, Task<>& session) : stay_(stay), session_(session) { stay_.serving_ = this; }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() { stay_.serving_ = nullptr; }

  bool await_ready() { return session_.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) {
    waiter_.handle = handle;
    is_waiting_ = true;
    session_.await_suspend(handle);
  }
  /// True if the session has ended by itself.
  bool await_resume() {
    if (was_ended_) return false;
    session_.await_resume();
    return true;
  }

  /// A session that is running its first steps at this moment can't be destroyed.
  bool can_end() const { return is_waiting_ && !was_ended_; }
  void end() {
    was_ended_ = true;
    session_.cancel();
    stay_.list_.loop_.wake(waiter_);
  }

 private:
  Stay& stay_;
  Task<>& session_;
  Waiter waiter_;
  bool is_waiting_ = false;
  bool was_ended_ = false;
};

Task<bool> GuestList::Stay::serve(Task<> session) {
  Serving serving(*this, session);
  bool has_ended = co_await serving;
  co_return has_ended;
}

GuestList::Stay::~Stay() {
  (is_among_others_ ? list_.others_ : list_.strangers_).erase(at_);
  list_.left_.notify_all();
}

bool GuestList::send_oldest_away() {
  for (auto at = strangers_.begin(); at != strangers_.end();) {
    Stay& oldest = **at++;
    if (!oldest.guest_.is_stranger()) {
      others_.splice(others_.end(), strangers_, oldest.at_);
      oldest.is_among_others_ = true;
      continue;
    }
    if (oldest.serving_ == nullptr || !oldest.serving_->can_end()) continue;
    oldest.guest_.say_no_room();
    oldest.serving_->end();
    return true;
  }
  return false;
}

}  // namespace pennypost
