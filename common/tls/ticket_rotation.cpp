#include "common/tls/ticket_rotation.h"

#include "common/async/nursery.h"

namespace pennypost {
namespace {

Task<> wait_for(Event& event) { co_await event.wait(); }

}  // namespace

Task<> change_ticket_keys(Loop& loop, TicketKeys& keys, std::function<Duration()> lifetime,
                          Event& changed) {
  auto made = std::chrono::steady_clock::now();
  for (;;) {
    auto due = made + lifetime();
    auto now = std::chrono::steady_clock::now();
    if (now < due) {
      auto left = std::chrono::ceil<Duration>(due - now);
      co_await within(loop, left, wait_for(changed));
    } else {
      keys.rotate();
      made = now;
    }
  }
}

}  // namespace pennypost
