#include "imapd/session/turns.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "common/async/nursery.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

Task<> work(Turns& turns, std::string& done, char letter, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    co_await turns.take();
    done += letter;
    turns.give();
  }
}

// Has the turn while others come.
Task<> work_slowly(Loop& loop, Turns& turns, std::string& done, char letter, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    co_await turns.take();
    co_await loop.yield();
    done += letter;
    turns.give();
  }
}

}  // namespace

TEST_CASE("a task that takes turn after turn lets another have one in between") {
  Loop loop;
  Turns turns(loop);
  std::string done;
  Nursery tasks(loop);
  tasks.start(work_slowly(loop, turns, done, 'a', 4));
  tasks.start(work(turns, done, 'b', 2));
  loop.run_until(tasks.join());
  CHECK(done == "ababaa");
  CHECK_FALSE(turns.is_taken());
}

TEST_CASE("tasks get their turns in the order in which they came") {
  Loop loop;
  Turns turns(loop);
  std::string done;
  Nursery tasks(loop);
  tasks.start(work_slowly(loop, turns, done, 'a', 2));
  for (char letter : {'b', 'c', 'd'}) tasks.start(work(turns, done, letter, 1));
  loop.run_until(tasks.join());
  CHECK(done == "abcda");
}

TEST_CASE("a task that is destroyed while it waits keeps nobody waiting") {
  Loop loop;
  Turns turns(loop);
  std::string done;
  loop.run_until(turns.take());
  Nursery tasks(loop);
  {
    std::optional<Nursery> destroyed(std::in_place, loop);
    destroyed->start(work(turns, done, 'a', 1));
    turns.give();  // which wakes it
    tasks.start(work(turns, done, 'b', 1));
    destroyed.reset();
  }
  loop.run_until(tasks.join());
  CHECK(done == "b");
}
