#include "common/async/remembered.h"

#include <doctest/doctest.h>

#include "common/async/nursery.h"

using namespace pennypost;

namespace {

/// Answers 1, 2, 3 … after a moment, or nothing.
struct Source {
  Task<std::optional<int>> ask() {
    ++asked;
    co_await loop.sleep(Duration(5));
    if (is_silent) co_return std::nullopt;
    co_return asked;
  }
  Remembered<int>::Ask asking() {
    return [this] { return ask(); };
  }
  Loop& loop;
  int asked = 0;
  bool is_silent = false;
};

}  // namespace

TEST_CASE("many tasks that want to know ask once, and all hear the answer") {
  Loop loop;
  Source source{loop};
  Remembered<int> remembered(loop, Duration(10'000), 0);
  auto all = [](Loop& on, Remembered<int>& value, Source& from) -> Task<int> {
    int sum = 0;
    auto one = [](Remembered<int>& of, Source& by, int& to) -> Task<> {
      auto work = of.value(by.asking());
      to += co_await std::move(work);
    };
    Nursery tasks(on);
    for (int i = 0; i < 10; ++i) tasks.start(one(value, from, sum));
    co_await tasks.join();
    co_return sum;
  };
  CHECK(loop.run_until(all(loop, remembered, source)) == 10);
  CHECK(source.asked == 1);
}

TEST_CASE("an answer too old is asked for anew, and stays where there is no other") {
  Loop loop;
  Source source{loop};
  Remembered<int> remembered(loop, Duration(0), 0);
  CHECK(loop.run_until(remembered.value(source.asking())) == 1);
  CHECK(loop.run_until(remembered.value(source.asking())) == 2);
  source.is_silent = true;
  CHECK(loop.run_until(remembered.value(source.asking())) == 2);
}

TEST_CASE("a task that is given up while it asks leaves the asking to the next") {
  Loop loop;
  Source source{loop};
  Remembered<int> remembered(loop, Duration(0), 0);
  CHECK_FALSE(
      loop.run_until(within(loop, Duration(1), remembered.value(source.asking()))).has_value());
  CHECK(loop.run_until(remembered.value(source.asking())) == 2);
}
