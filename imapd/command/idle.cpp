// IDLE: tells the client what changes in its mailbox as it happens, until the client says DONE.
//
// STANDARDS  RFC 2177
#include "common/async/nursery.h"
#include "common/base/text.h"
#include "imapd/command/handlers.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t done_bytes_max = 64;
// How soon a mailbox that another program has locked is looked at again.
constexpr Duration look_again{250};

// What the two tasks of an IDLE share: one reads from the client, one tells it what has changed.
struct Waiting {
  explicit Waiting(Loop& loop) : wake(loop) {}
  Event wake;
  bool has_changed = false;
  bool is_done = false;
};

Task<> changed_or_done(Waiting& waiting) {
  while (!waiting.has_changed && !waiting.is_done) co_await waiting.wake.wait();
}

// A client that has said what it wants to hear of (NOTIFY) hears that, and no more: RFC 5465
// section 4.
Task<> tell_selected(SessionContext& context) {
  if (context.announcer() != nullptr) {
    co_await context.announcer()->tell_selected(true);
  } else {
    co_await context.tell_news(true, false);
  }
}

// Waits for a change; at intervals without one it sends a line, which keeps connections through
// address translators alive.
Task<> tell_changes(SessionContext& context, Waiting& waiting) {
  Duration interval = context.settings().imap_idle_notify_interval;
  try {
    while (!waiting.is_done && !context.is_ended()) {
      bool is_behind = context.selected() != nullptr && context.is_behind();
      if (waiting.has_changed) {
        waiting.has_changed = false;
        co_await context.take_turn();
        co_await tell_selected(context);
      } else {
        auto longest = is_behind ? look_again : interval;
        auto change = changed_or_done(waiting);
        bool has_come = co_await within(context.loop(), longest, std::move(change));
        if (is_behind) waiting.has_changed = true;
        co_await context.take_turn();
        if (!has_come && !is_behind) context.put("* OK Still here\r\n");
      }
      co_await context.connection().flush();
      context.give_turn();
    }
    // After BYE nobody waits for DONE: ends the other task's reading.
    if (context.is_ended()) context.connection().stream().abort();
  } catch (const Disconnected&) {
    // The task that reads finds out as well.
    context.give_turn();
  }
}

}  // namespace

Task<Reply> idle(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  context.put("+ idling\r\n");
  co_await context.connection().flush();
  Waiting waiting(context.loop());
  std::optional<ChangeHub::Subscription> subscription;
  if (auto* selected = context.selected()) {
    // The first look finds what came before the watch was set.
    waiting.has_changed = true;
    auto paths = selected->mailbox().watch_paths();
    subscription.emplace(context.worker().changes, paths, waiting.wake, waiting.has_changed);
  }
  // Destroyed first when the client is lost: its task uses all of the above.
  Nursery telling(context.loop());
  telling.start(tell_changes(context, waiting));
  context.give_turn();
  auto reading = context.line(done_bytes_max);
  auto line = co_await std::move(reading);
  bool is_done = line && equal_nocase(trim(*line), "DONE");
  waiting.is_done = true;
  waiting.wake.notify_all();
  co_await telling.join();
  co_await context.take_turn();
  if (!is_done) co_return Reply::bad("Expected DONE.");
  co_return Reply::ok("Idle completed.");
}

}  // namespace pennypost::imap
