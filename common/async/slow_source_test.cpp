#include "common/async/slow_source.h"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/async/inquiry.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

constexpr Duration never = 600s;

SlowSource::Limits limits(std::size_t threads, std::size_t waiting_max, Duration deadline) {
  SlowSource::Limits these;
  these.threads = threads;
  these.waiting_max = waiting_max;
  these.deadline = deadline;
  return these;
}

// A source that answers when the test opens it; shared, since a lost thread outlives the test's
// frame.
struct Gate {
  std::counting_semaphore<> begun{0};
  std::counting_semaphore<> open{0};
  std::function<Result<std::string>()> work(std::shared_ptr<Gate> self, std::string value) {
    return [self, value]() -> Result<std::string> {
      self->begun.release();
      self->open.acquire();
      return value;
    };
  }
};

std::string answered(SlowSource& source, Loop& loop,
                     const std::shared_ptr<SlowSource::Call<std::string>>& call) {
  loop.run_until(source.finish(loop, call));
  auto answer = call->answer();
  return answer ? *answer : std::to_string(answer.error().code()) + " " + answer.error().text();
}

std::function<Result<std::string>()> at_once(std::string value) {
  return [value]() -> Result<std::string> { return value; };
}

}  // namespace

TEST_CASE("what a call's work owns is gone when its answer is there") {
  Loop loop;
  SlowSource source("users", limits(1, 8, never));
  auto owned = std::make_shared<std::string>("ann");
  auto call = source.begin<std::string>([owned]() -> Result<std::string> { return *owned; });
  loop.run_until(source.finish(loop, call));
  CHECK(owned.use_count() == 1);
  auto failing = source.begin<std::string>(
      [owned]() -> Result<std::string> { throw std::runtime_error(*owned); });
  loop.run_until(source.finish(loop, failing));
  CHECK(owned.use_count() == 1);
}

TEST_CASE("a source that has ended has no thread left that serves no call") {
  struct Leaving {
    std::shared_ptr<std::atomic<int>> left;
    ~Leaving() {
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      if (left) ++*left;
    }
  };
  auto left = std::make_shared<std::atomic<int>>(0);
  Loop loop;
  {
    SlowSource source("users", limits(2, 8, never));
    auto call = source.begin<std::string>([left]() -> Result<std::string> {
      thread_local Leaving leaving;
      leaving.left = left;
      return std::string("ann");
    });
    loop.run_until(source.finish(loop, call));
  }
  CHECK(*left == 1);
}

TEST_CASE("a slow source gives the value of the work, its error, and what it threw as an error") {
  Loop loop;
  SlowSource source("users", limits(2, 8, never));
  CHECK(answered(source, loop, source.begin<std::string>(at_once("ann"))) == "ann");
  auto fails = []() -> Result<std::string> { return Error::permanent("no such base"); };
  CHECK(answered(source, loop, source.begin<std::string>(fails)) == "550 no such base");
  auto throws = []() -> Result<std::string> { throw std::runtime_error("out of sockets"); };
  CHECK(answered(source, loop, source.begin<std::string>(throws)) == "451 users: out of sockets");
  auto call = source.begin<std::string>(at_once("bob"));
  source.finish(*call);
  CHECK(*call->answer() == "bob");
}

TEST_CASE("a call without an answer at its deadline gets try later, and its thread is lost") {
  Loop loop;
  std::vector<std::string> told;
  std::mutex mutex;
  std::binary_semaphore again{0};
  SlowSource source("users", limits(1, 8, 20ms), [&](const std::string& text) {
    std::lock_guard lock(mutex);
    told.push_back(text);
    if (told.size() == 2) again.release();
  });
  auto gate = std::make_shared<Gate>();
  auto hung = source.begin<std::string>(gate->work(gate, "late"));
  gate->begun.acquire();
  CHECK(answered(source, loop, hung) == "451 users: no answer within 20 ms");
  CHECK(source.lost() == 1);
  SUBCASE("while all are lost, who asks is told at once") {
    auto call = source.begin<std::string>(at_once("ann"));
    REQUIRE(call->is_finished());
    CHECK(call->answer().error().text() == "users: does not answer: 1 look-ups have not come back");
    gate->open.release();
    again.acquire();
  }
  SUBCASE("a lost thread that comes back serves again, and the answer that came late is dropped") {
    gate->open.release();
    again.acquire();
    CHECK(source.lost() == 0);
    CHECK_FALSE(hung->answer());
    auto call = source.begin<std::string>(at_once("ann"));
    source.finish(*call);
    CHECK(*call->answer() == "ann");
  }
  std::lock_guard lock(mutex);
  CHECK(told == std::vector<std::string>{"users: no answer within 20 ms", "users: answers again"});
}

TEST_CASE("who finds too many waiting for a thread is told at once") {
  Loop loop;
  SlowSource source("users", limits(1, 2, never));
  auto gate = std::make_shared<Gate>();
  auto first = source.begin<std::string>(gate->work(gate, "first"));
  gate->begun.acquire();
  auto second = source.begin<std::string>(at_once("second"));
  auto third = source.begin<std::string>(at_once("third"));
  auto fourth = source.begin<std::string>(at_once("fourth"));
  CHECK_FALSE(third->is_finished());
  REQUIRE(fourth->is_finished());
  CHECK(fourth->answer().error().text() == "users: is too slow: 2 look-ups wait");
  gate->open.release();
  CHECK(answered(source, loop, third) == "third");
  CHECK(answered(source, loop, first) == "first");
}

TEST_CASE("a call that waits in vain for a thread is given up at its deadline and never begun") {
  Loop loop;
  SlowSource source("users", limits(1, 8, 200ms));
  auto gate = std::make_shared<Gate>();
  auto has_run = std::make_shared<std::atomic<bool>>(false);
  auto hung = source.begin<std::string>(gate->work(gate, "late"));
  gate->begun.acquire();
  auto waits = source.begin<std::string>([has_run]() -> Result<std::string> {
    *has_run = true;
    return std::string();
  });
  CHECK(answered(source, loop, waits) == "451 users: no answer within 200 ms");
  gate->open.release();
  // The only thread serves this one after whatever was queued before it.
  for (bool served = false; !served;) {
    auto next = source.begin<std::string>(at_once("next"));
    source.finish(*next);
    served = next->answer().has_value();
  }
  CHECK_FALSE(*has_run);
}

TEST_CASE("a task that no longer waits for a slow source can go, and so can the source") {
  Loop loop;
  auto gate = std::make_shared<Gate>();
  {
    SlowSource source("users", limits(1, 8, never));
    auto call = source.begin<std::string>(gate->work(gate, "late"));
    gate->begun.acquire();
    auto wait = source.finish(loop, call);
    CHECK_FALSE(loop.run_until(within(loop, 5ms, std::move(wait))));
  }
  gate->open.release();
}

namespace {

// Two questions, the second of which depends on the answer to the first.
struct Rules {
  SlowSource& source;
  int asked = 0;
  int evaluated = 0;

  Result<std::string> value_of(const std::string& key) {
    return Inquiry::ask<std::string>(source, key, [key]() -> Result<std::string> {
      if (key == "broken") return Error::temporary("server is down");
      return key + "!";
    });
  }
  Result<std::string> evaluate(const std::string& key) {
    ++evaluated;
    TRY(auto one, value_of(key));
    TRY(auto other, value_of(one));
    TRY(auto same, value_of(key));
    return other + " " + same;
  }
};

}  // namespace

TEST_CASE("an inquiry evaluates again until the slow sources have answered what it asked") {
  Loop loop;
  SlowSource source("users", limits(2, 8, never));
  Rules rules{source};
  Inquiry inquiry;
  auto value = loop.run_until(inquiry.run(loop, [&] { return rules.evaluate("ann"); }));
  REQUIRE(value);
  CHECK(*value == "ann!! ann!");
  CHECK(rules.evaluated <= 3);
  rules.evaluated = 0;
  auto again = loop.run_until(inquiry.run(loop, [&] { return rules.evaluate("ann"); }));
  CHECK(*again == "ann!! ann!");
  CHECK(rules.evaluated == 1);
  auto broken = loop.run_until(inquiry.run(loop, [&] { return rules.evaluate("broken"); }));
  REQUIRE_FALSE(broken);
  CHECK(broken.error().text() == "server is down");
  CHECK(*rules.evaluate("bob") == "bob!! bob!");  // outside of an evaluation: blocks
}

TEST_CASE("an evaluation that asks a source which hangs does not hold up its thread") {
  Loop loop;
  SlowSource source("users", limits(1, 8, 20ms));
  auto gate = std::make_shared<Gate>();
  auto hang = [&] { return Inquiry::ask<std::string>(source, "x", gate->work(gate, "late")); };
  Inquiry inquiry;
  auto answer = inquiry.evaluate(hang);
  REQUIRE_FALSE(answer);
  CHECK(inquiry.has_open());
  auto given_up = loop.run_until(inquiry.run(loop, hang));
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().text() == "users: no answer within 20 ms");
  gate->open.release();
}

TEST_CASE("one inquiry asks at most inquiry_questions_max questions") {
  Loop loop;
  SlowSource source("users", limits(4, inquiry_questions_max, never));
  std::size_t open = 0;
  auto ask_all = [&]() -> Result<std::string> {
    Result<std::string> last = std::string();
    for (std::size_t i = 0; i <= inquiry_questions_max; ++i) {
      last = Inquiry::ask<std::string>(source, std::to_string(i), at_once("x"));
      if (last) ++open;
    }
    return last;
  };
  Inquiry inquiry;
  auto last = loop.run_until(inquiry.run(loop, ask_all));
  REQUIRE_FALSE(last);
  CHECK(last.error().text() == "users: one request made more than 1000 look-ups");
}
