// IDLE: news is told as it comes, until the client says DONE (RFC 2177).
#include "common/async/nursery.h"
#include "common/base/text.h"
#include "imapd/dialogue/session.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t done_bytes_max = 64;
// How soon is looked again at a mailbox that another program has locked.
constexpr Duration look_again{250};

Task<> until(Event& wake, const bool& changed, const bool& stopping) {
  while (!changed && !stopping) co_await wake.wait();
}

}  // namespace

Task<Reply> Session::idle(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  put("+ idling\r\n");
  co_await connection_.flush();
  Event wake(loop_);
  // The first look finds what came before the watch was set.
  bool changed = selected_ != nullptr;
  bool stopping = false;
  std::optional<ChangeHub::Subscription> subscription;
  if (selected_) {
    subscription.emplace(surroundings_->changes, selected_->mailbox().watch_paths(), wake, changed);
  }
  // Goes first when the client is lost: its task looks at all of the above.
  Nursery telling(loop_);
  telling.start(push_news(wake, changed, stopping));
  quiet_ = true;
  auto line = co_await connection_.line(done_bytes_max);
  quiet_ = false;
  received_ += line.text.size() + (line.has_crlf ? 2 : 1);
  bool done = !line.is_too_long && equal_nocase(trim(line.text), "DONE");
  stopping = true;
  wake.notify_all();
  co_await telling.join();
  if (!done) co_return Reply::bad("Expected DONE.");
  co_return Reply::ok("Idle completed.");
}

// Waits for changes, or for the time of a sign of life, which keeps address translators awake.
Task<> Session::push_news(Event& wake, bool& changed, bool& stopping) {
  Duration interval = surroundings_->settings().imap_idle_notify_interval;
  try {
    while (!stopping && !ended_) {
      if (changed) {
        changed = false;
        co_await tell_news(true, false);
      } else if (selected_ && is_behind_) {
        auto waiting = until(wake, changed, stopping);
        co_await within(loop_, look_again, std::move(waiting));
        changed = true;
      } else {
        auto waiting = until(wake, changed, stopping);
        bool woken = co_await within(loop_, interval, std::move(waiting));
        if (!woken) put("* OK Still here\r\n");
      }
      co_await connection_.flush();
    }
    // After BYE nobody waits for DONE: ends the other task's reading.
    if (ended_) connection_.stream().abort();
  } catch (const Disconnected&) {
    // The one that reads finds out as well.
  }
}

}  // namespace pennypost::imap
