#include "common/async/shared_work.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>

#include "common/async/nursery.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

using Work = FairThreads::Work;
using Place = FairThreads::Place;

// Work of which each call waits for another one, for so long.
struct Meeting {
  std::atomic<int> calls = 0;
  std::atomic<int> met = 0;

  void call(std::chrono::milliseconds patience) {
    ++calls;
    auto end = std::chrono::steady_clock::now() + patience;
    while (calls < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    if (calls >= 2) ++met;
  }
};

}  // namespace

TEST_CASE("work is shared by two threads if the party may have two") {
  Loop loop;
  FairThreads threads(loop, 4, 2, 2);
  FairThreads::Party party(threads);
  Meeting meeting;
  loop.run_until(share_work(loop, party, Place::Last, [&] { meeting.call(20s); }));
  CHECK(meeting.met == 2);
  CHECK(threads.running() == 0);
}

TEST_CASE("work is not shared if the share is one thread, or every processor has something to do") {
  struct Row {
    std::size_t share;
    std::size_t processors;
  };
  for (auto row : {Row{1, 2}, Row{2, 1}}) {
    CAPTURE(row.share);
    Loop loop;
    FairThreads threads(loop, 4, row.share, row.processors);
    FairThreads::Party party(threads);
    Meeting meeting;
    loop.run_until(share_work(loop, party, Place::Last, [&] { meeting.call(20ms); }));
    CHECK(meeting.calls == 1);
  }
}

TEST_CASE("what either call of shared work throws is thrown, after both have ended") {
  Loop loop;
  FairThreads threads(loop, 4, 2, 2);
  FairThreads::Party party(threads);
  // The first or the second call throws.
  for (int thrower : {1, 2}) {
    CAPTURE(thrower);
    std::atomic<int> calls = 0;
    std::atomic<int> ended = 0;
    auto work = [&] {
      int number = ++calls;
      auto end = std::chrono::steady_clock::now() + 20s;
      while (calls < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      ++ended;
      if (number == thrower) throw std::runtime_error("no");
    };
    CHECK_THROWS_AS(loop.run_until(share_work(loop, party, Place::Last, work)), std::runtime_error);
    CHECK(ended == 2);
    CHECK(threads.running() == 0);
  }
}

TEST_CASE("shared work that one thread has done does not wait for the second to begin") {
  Loop loop;
  FairThreads threads(loop, 4, 2, 2);
  FairThreads::Party party(threads);
  std::atomic<bool> is_done = false;
  std::atomic<int> too_late = 0;
  // All threads of the pool but one, which the party does not know of.
  auto block = [&] {
    auto end = std::chrono::steady_clock::now() + 20s;
    while (!is_done && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    if (!is_done) ++too_late;
  };
  auto offload = [](Loop& on, const std::function<void()>& work) -> Task<> {
    co_await on.offload([&] { work(); });
  };
  std::function<void()> blocking = block;
  Nursery nursery(loop);
  for (int i = 0; i < 3; ++i) nursery.start(offload(loop, blocking));
  int calls = 0;
  loop.run_until(share_work(loop, party, Place::Last, [&] { ++calls; }));
  is_done = true;
  loop.run_until(nursery.join());
  CHECK(too_late == 0);
  CHECK(calls == 1);
}

TEST_CASE("shared work that is cancelled is waited for, on both threads") {
  Loop loop;
  FairThreads threads(loop, 4, 2, 2);
  FairThreads::Party party(threads);
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  std::atomic<bool> is_leaving = false;
  auto work = [&] {
    ++begun;
    while (!is_leaving) std::this_thread::yield();
    std::this_thread::sleep_for(20ms);
    ++ended;
  };
  auto wait = [](Loop& on, std::atomic<int>& count) -> Task<> {
    while (count < 2) co_await on.sleep(1ms);
  };
  {
    Nursery nursery(loop);
    nursery.start(share_work(loop, party, Place::Last, work));
    loop.run_until(wait(loop, begun));
    is_leaving = true;
  }
  CHECK(ended == 2);
  CHECK(threads.running() == 0);
}
