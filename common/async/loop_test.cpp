#include "common/async/loop.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/async/nursery.h"
#include "common/base/descriptor.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

Task<int> immediate(int value) { co_return value; }

Task<int> deep(int levels) {
  if (levels == 0) co_return 0;
  int below = co_await deep(levels - 1);
  co_return below + 1;
}

Task<int> sum(int count) {
  int total = 0;
  for (int i = 0; i < count; ++i) {
    int one = co_await immediate(1);
    total += one;
  }
  co_return total;
}

Task<int> throwing() {
  throw std::runtime_error("no");
  co_return 1;
}

Task<std::string> caught() {
  try {
    co_await throwing();
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

Task<int> slow(Loop& loop, Duration duration) {
  co_await loop.sleep(duration);
  co_return 7;
}

Task<> note(Loop& loop, Duration after, std::vector<int>& order, int number) {
  co_await loop.sleep(after);
  order.push_back(number);
}

Task<> let_others_run(Loop& loop) {
  co_await loop.yield();
  co_await loop.yield();
}

Task<> wait_twice(Event& event, int& count) {
  co_await event.wait();
  ++count;
  co_await event.wait();
  ++count;
}

}  // namespace

TEST_CASE("a task that finishes at once gives its value without the loop") {
  Loop loop;
  CHECK(loop.run_until(immediate(3)) == 3);
  CHECK(loop.run_until(sum(100'000)) == 100'000);
  CHECK(loop.run_until(deep(500)) == 500);
}

TEST_CASE("what a task throws is thrown where it is awaited") {
  Loop loop;
  CHECK(loop.run_until(caught()) == "no");
}

TEST_CASE("sleepers wake in the order of their times") {
  Loop loop;
  std::vector<int> order;
  {
    Nursery nursery(loop);
    nursery.start(note(loop, 9ms, order, 3));
    nursery.start(note(loop, 1ms, order, 1));
    nursery.start(note(loop, 5ms, order, 2));
    loop.run_until(nursery.join());
  }
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("a task that is too slow is cancelled, a fast one gives its value") {
  Loop loop;
  CHECK(loop.run_until(within(loop, 1000ms, slow(loop, 1ms))) == 7);
  CHECK(loop.run_until(within(loop, 1ms, slow(loop, 100'000ms))) == std::nullopt);
  CHECK(loop.run_until(within(loop, 1ms, immediate(1))) == 1);
}

TEST_CASE("destroying a nursery cancels what its tasks wait for") {
  Loop loop;
  Event event(loop);
  int count = 0;
  {
    Nursery nursery(loop);
    nursery.start(wait_twice(event, count));
    event.notify_all();
    loop.run_until(let_others_run(loop));
    CHECK(count == 1);
    event.notify_all();  // woken, but destroyed before it runs
  }
  loop.run();
  CHECK(count == 1);
}

TEST_CASE("offloaded work runs on another thread and gives its value or its exception") {
  Loop loop;
  auto main_thread = std::this_thread::get_id();
  struct Run {
    static Task<bool> other_thread(Loop& loop, std::thread::id here) {
      std::thread::id there = co_await loop.offload([&] { return std::this_thread::get_id(); });
      co_return here != there;
    }
    static Task<std::string> exception(Loop& loop) {
      try {
        co_await loop.offload([&]() -> int { throw std::runtime_error("in the thread"); });
      } catch (const std::runtime_error& error) {
        co_return error.what();
      }
      co_return "";
    }
    static Task<int> long_work(Loop& loop, int& into) {
      co_await loop.offload([&] {
        std::this_thread::sleep_for(20ms);
        into = 1;
      });
      co_return 1;
    }
  };
  CHECK(loop.run_until(Run::other_thread(loop, main_thread)));
  CHECK(loop.run_until(Run::exception(loop)) == "in the thread");
  int into = 0;
  CHECK(loop.run_until(within(loop, 5ms, Run::long_work(loop, into))) == std::nullopt);
  CHECK(into == 1);
}

TEST_CASE("what another thread tells before, while and after the loop waits is never missed") {
  Loop loop;
  Signal signal(loop);
  std::atomic<int> told = 0;
  constexpr int all = 5000;
  auto tell = [&] {
    for (int i = 0; i < all; ++i) {
      ++told;
      signal.raise();
      if (i % 500 == 0) std::this_thread::sleep_for(1ms);
    }
  };
  auto hear = [](Signal& from, std::atomic<int>& count) -> Task<int> {
    int waits = 0;
    for (; count < all; ++waits) co_await from.wait();
    co_return waits;
  };
  auto both = [](Loop& on, auto& work, Task<int> listening) -> Task<std::optional<int>> {
    std::thread teller(work);
    auto waits = co_await within(on, 60'000ms, std::move(listening));
    teller.join();
    co_return waits;
  };
  auto waits = loop.run_until(both(loop, tell, hear(signal, told)));
  REQUIRE(waits);
  CHECK(*waits <= all);
}

TEST_CASE("a signal that nobody waits for wakes nobody, and is there for the next who waits") {
  Loop loop;
  Signal signal(loop);
  auto wait = [](Signal& from) -> Task<> { co_await from.wait(); };
  CHECK_FALSE(loop.run_until(within(loop, 1ms, wait(signal))));
  signal.raise();
  CHECK(loop.run_until(within(loop, 5ms, slow(loop, 1000ms))) == std::nullopt);  // it is heard here
  CHECK(loop.run_until(within(loop, 1000ms, wait(signal))));
  CHECK_FALSE(loop.run_until(within(loop, 1ms, wait(signal))));
}

TEST_CASE(
    "who waits for the end of a turn comes behind all that was ready, and what that made so") {
  struct Turn {
    static Task<> late(Loop& loop, std::string& order) {
      co_await loop.turn_end();
      order += 'L';
      co_await loop.turn_end();
      order += 'l';
    }
    static Task<> busy(Loop& loop, std::string& order) {
      for (int i = 0; i < 3; ++i) {
        order += 'b';
        co_await loop.yield();
      }
    }
  };
  Loop loop;
  std::string order;
  loop.on_turn_end([&] { order += '.'; });
  Nursery tasks(loop);
  tasks.start(Turn::late(loop, order));
  tasks.start(Turn::busy(loop, order));
  SUBCASE("in one run") { loop.run_until(tasks.join()); }
  SUBCASE("the loop is stopped in between") {
    loop.run_until(immediate(1));
    loop.run_until(let_others_run(loop));
    loop.run_until(tasks.join());
  }
  CHECK(order.starts_with("bbb."));
  for (char late : {'L', 'l'}) {
    REQUIRE(order.find(late) != std::string::npos);
    CHECK(order[order.find(late) - 1] == '.');
  }
}

TEST_CASE("a descriptor's readiness wakes its reader, or the deadline does") {
  Loop loop;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  struct Run {
    static Task<bool> readable(Loop& loop, Poll& poll, Duration limit) {
      co_return co_await poll.ready(Poll::Event::Readable, loop.now() + limit);
    }
  };
  Poll poll(loop, read_end.number());
  CHECK_FALSE(loop.run_until(Run::readable(loop, poll, 5ms)));
  REQUIRE(write(write_end.number(), "x", 1) == 1);
  CHECK(loop.run_until(Run::readable(loop, poll, 5000ms)));
  CHECK(loop.run_until(Run::readable(loop, poll, 5000ms)));
}

TEST_CASE("a time that passes before the loop begins to wait still wakes its task") {
  Loop loop;
  int done = 0;
  auto many = [](Loop& on, int& count) -> Task<> {
    for (int i = 0; i < 200; ++i) {
      // The clock's millisecond may turn between setting the timer and waiting for it.
      co_await on.sleep(1ms);
      ++count;
    }
  };
  loop.run_until(many(loop, done));
  CHECK(done == 200);
}
