#include "imapd/session/turns.h"

namespace pennypost::imap {

// Counts a task as one that waits, until it has the turn or is destroyed.
class Turns::Waiting {
 public:
  explicit Waiting(Turns& turns) : turns_(turns) { ++turns_.waiting_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    --turns_.waiting_;
    // One that was woken, and is destroyed before it runs, leaves the turn to those behind it.
    if (!turns_.is_taken_) turns_.given_.notify_all();
  }

 private:
  Turns& turns_;
};

Task<> Turns::take() {
  bool must_wait = is_taken_ || waiting_ > 0;
  Waiting waiting(*this);
  while (must_wait) {
    co_await given_.wait();
    must_wait = is_taken_;
  }
  is_taken_ = true;
}

// All are woken in the order in which they came; the first takes the turn, and the others wait on.
void Turns::give() {
  is_taken_ = false;
  given_.notify_all();
}

}  // namespace pennypost::imap
