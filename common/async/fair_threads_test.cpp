#include "common/async/fair_threads.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>

#include "common/async/nursery.h"
#include "common/async/turn.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

using Work = FairThreads::Work;
using Place = FairThreads::Place;

// A thread that a test gives back when it likes.
class Held final : public FairThreads::Turn {
 public:
  Held(FairThreads::Party& party, Work work, Place place, std::string& order, char name)
      : Turn(party, work, place), order_(order), name_(name) {
    ask();
  }
  bool has_begun() const { return has_begun_; }

 private:
  void granted() override {
    has_begun_ = true;
    order_ += name_;
  }
  std::string& order_;
  char name_;
  bool has_begun_ = false;
};

// Jobs of several parties on threads of no use but to be counted.
struct Office {
  Loop loop;
  FairThreads threads;
  std::string order;  // in which they began
  std::list<Held> jobs;

  Office(std::size_t count, std::size_t share) : threads(loop, count, share) {}
  void ask(FairThreads::Party& party, char name, Work work = Work::Light,
           Place place = Place::Last) {
    jobs.emplace_back(party, work, place, order, name);
  }
  // One after the other, as they have begun.
  void finish() {
    while (!jobs.empty()) {
      jobs.erase(std::ranges::find_if(jobs, [](const Held& job) { return job.has_begun(); }));
    }
  }
};

}  // namespace

TEST_CASE("work on fair threads gives its value and throws what it threw") {
  Loop loop;
  FairThreads threads(loop, 2, 1);
  FairThreads::Party party(threads);
  auto work = [](FairThreads::Party& of) -> Task<std::string> {
    int nothing = 0;
    co_await of.offload([&] { nothing = 1; });
    CHECK(nothing == 1);
    auto text = co_await of.lane(Work::Heavy).offload([] { return std::string("text"); });
    try {
      co_await of.offload([] { throw std::runtime_error("no"); });
    } catch (const std::runtime_error& error) {
      text += error.what();
    }
    co_return text;
  };
  CHECK(loop.run_until(work(party)) == "textno");
  CHECK(threads.running() == 0);
}

TEST_CASE("a party that comes later finds a thread, whatever another has asked for") {
  Office office(4, 1);
  FairThreads::Party busy(office.threads);
  FairThreads::Party modest(office.threads);
  for (int i = 0; i < 20; ++i) office.ask(busy, 'b');
  // One thread stands ready.
  CHECK(office.order == "bbb");
  office.ask(modest, 'm');
  CHECK(office.order == "bbbm");
  office.finish();
  CHECK(office.order.size() == 21);
}

TEST_CASE("heavy work gets the share and no more, nor holds up light work") {
  Office office(8, 2);
  FairThreads::Party busy(office.threads);
  for (int i = 0; i < 5; ++i) office.ask(busy, 'h', Work::Heavy);
  CHECK(office.order == "hh");
  office.ask(busy, 'l');
  CHECK(office.order == "hhl");
  office.finish();
  CHECK(office.order == "hhlhhh");
}

TEST_CASE("a thread is spare if the share has room for it, and a processor") {
  Loop loop;
  FairThreads threads(loop, 8, 2, 3);
  FairThreads::Party party(threads);
  FairThreads::Party other(threads);
  std::string order;
  std::list<Held> jobs;
  auto begin = [&](FairThreads::Party& of) {
    jobs.emplace_back(of, Work::Heavy, Place::Last, order, 'j');
  };
  CHECK(party.has_spare_thread());
  begin(party);
  CHECK(party.has_spare_thread());
  begin(party);
  CHECK_FALSE(party.has_spare_thread());
  CHECK(other.has_spare_thread());
  begin(other);
  CHECK_FALSE(other.has_spare_thread());
  jobs.pop_front();
  CHECK(other.has_spare_thread());
  CHECK(order == "jjj");
}

TEST_CASE("parties that wait take turns, each in the order of its own jobs") {
  Office office(1, 1);
  FairThreads::Party first(office.threads);
  FairThreads::Party second(office.threads);
  FairThreads::Party third(office.threads);
  office.ask(first, 'a');
  for (char name : {'b', 'c', 'd'}) office.ask(first, name);
  office.ask(second, 'x');
  office.ask(second, 'y');
  office.ask(third, '1');
  office.ask(first, '!', Work::Heavy, Place::First);
  office.finish();
  CHECK(office.order == "a!x1bycd");
}

TEST_CASE("a job given up while it waits or works leaves its place to others") {
  Office office(1, 1);
  FairThreads::Party party(office.threads);
  for (char name : {'a', 'b', 'c'}) office.ask(party, name);
  office.jobs.erase(std::next(office.jobs.begin()));
  office.jobs.pop_front();
  CHECK(office.order == "ac");
  office.jobs.clear();
  CHECK(office.threads.running() == 0);

  // One of a task that is cancelled is waited for.
  std::atomic<bool> has_ended = false;
  {
    Nursery given_up(office.loop);
    auto work = [](FairThreads::Party& of, std::atomic<bool>& done) -> Task<> {
      co_await of.offload([&] {
        std::this_thread::sleep_for(20ms);
        done = true;
      });
    };
    given_up.start(work(party, has_ended));
    while (office.threads.running() == 0) std::this_thread::yield();
    std::this_thread::sleep_for(5ms);
  }
  CHECK(office.threads.running() == 0);
  CHECK(office.loop.run_until([](FairThreads::Party& of) -> Task<int> {
    co_return co_await of.offload([] { return 7; });
  }(party)) == 7);
}

TEST_CASE("a turn of the loop that lasts too long is told, until the loop has looked around") {
  Loop loop;
  auto work = [](Loop& on) -> Task<int> {
    int rounds = 0;
    auto end = std::chrono::steady_clock::now() + 20 * turn_length;
    while (std::chrono::steady_clock::now() < end) {
      if (!turn_is_long(on)) continue;
      co_await on.turn_end();
      ++rounds;
    }
    co_return rounds;
  };
  // A busy machine may take a turn away, but not most of them.
  CHECK(loop.run_until(work(loop)) >= 3);
}
