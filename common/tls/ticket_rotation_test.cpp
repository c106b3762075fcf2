#include "common/tls/ticket_rotation.h"

#include <doctest/doctest.h>

#include "common/async/nursery.h"

using namespace pennypost;

namespace {

constexpr int looks_max = 5000;

/// Until another key than this is the newest; false when none comes.
Task<bool> another_comes(Loop& loop, TicketKeys& keys, TicketKeys::Key first) {
  for (int looks = 0; looks < looks_max; ++looks) {
    if (keys.newest()->key.name != first.name) co_return true;
    co_await loop.sleep(Duration(1));
  }
  co_return false;
}

/// Until all that is ready has run.
Task<> pause(Loop& loop) { co_await loop.turn_end(); }

}  // namespace

TEST_CASE("a new key of tickets comes when the lifetime of the newest is over") {
  Loop loop;
  auto keys = TicketKeys::create();
  Event changed(loop);
  auto first = keys->newest()->key;
  Nursery tasks(loop);
  auto lifetime = [] { return Duration(2); };
  tasks.start(change_ticket_keys(loop, *keys, lifetime, changed));
  CHECK(loop.run_until(another_comes(loop, *keys, first)));
  tasks.cancel();
}

TEST_CASE("a lifetime that is made shorter counts at once, one that is over long ago too") {
  Loop loop;
  auto keys = TicketKeys::create();
  Event changed(loop);
  auto first = keys->newest()->key;
  Duration current = std::chrono::hours(1);
  Nursery tasks(loop);
  tasks.start(change_ticket_keys(
      loop, *keys, [&] { return current; }, changed));
  loop.run_until(pause(loop));
  CHECK(keys->newest()->key.name == first.name);
  current = Duration(1);
  changed.notify_all();
  CHECK(loop.run_until(another_comes(loop, *keys, first)));
  tasks.cancel();
}
