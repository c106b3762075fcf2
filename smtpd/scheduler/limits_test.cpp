// The limits of destinations, transports and of all that is active.
#include <doctest/doctest.h>

#include <algorithm>

#include "smtpd/scheduler/retry.h"
#include "smtpd/scheduler/testing.h"
#include "smtpd/scheduler/transport_limits.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

/// Takes leases of one destination and notes when each began and ended.
struct Deliveries {
  explicit Deliveries(const Destination::Limits& limits) : destination(loop, limits) {}

  Task<> deliver(Duration takes) {
    auto lease = co_await destination.take(0);
    REQUIRE(lease);
    begun.push_back(std::chrono::steady_clock::now());
    most_at_once = std::max(most_at_once, destination.busy());
    co_await loop.sleep(takes);
    ended.push_back(std::chrono::steady_clock::now());
  }
  void run(int count, Duration each) {
    Nursery tasks(loop);
    for (int i = 0; i < count; ++i) tasks.start(deliver(each));
    loop.run_until(tasks.join());
  }

  Loop loop;
  Destination destination;
  std::vector<SteadyTime> begun;
  std::vector<SteadyTime> ended;
  std::size_t most_at_once = 0;
};

Task<> pause(Loop& loop) { co_await loop.sleep(1ms); }

/// Lets the loop run until the condition is true.
void wait_until(World& world, const std::function<bool()>& condition) {
  auto end = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      for (const auto& line : world.log.lines()) MESSAGE(line);
      for (const auto& attempt : world.attempts) MESSAGE("attempt: " << attempt);
      FAIL("nothing happened for 30 s");
    }
    world.loop.run_until(pause(world.loop));
  }
}

void wait_for_attempts(World& world, std::size_t count) {
  wait_until(world, [&] { return world.attempts.size() >= count; });
  std::ranges::sort(world.attempts);
}

}  // namespace

TEST_CASE("with a pause after each delivery one runs at a time, and the next one waits for it") {
  Destination::Limits limits;
  limits.initial = limits.most = 1;
  limits.spacing = Destination::Spacing::EndToStart;
  limits.pause = 40ms;
  Deliveries deliveries(limits);
  deliveries.run(3, 15ms);
  CHECK(deliveries.most_at_once == 1);
  REQUIRE(deliveries.begun.size() == 3);
  CHECK_FALSE(deliveries.destination.is_idle(0));  // the pause goes on
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(deliveries.begun[i] - deliveries.ended[i - 1] >= 38ms);
  }
  deliveries.run(1, 0ms);
  CHECK(deliveries.begun[3] - deliveries.ended[2] >= 38ms);
}

TEST_CASE("with a pause between starts deliveries overlap, and no two start together") {
  Destination::Limits limits;
  limits.initial = limits.most = Destination::no_limit;
  limits.has_feedback = false;
  limits.spacing = Destination::Spacing::StartToStart;
  limits.pause = 20ms;
  Deliveries deliveries(limits);
  deliveries.run(3, 200ms);
  CHECK(deliveries.most_at_once == 3);
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(deliveries.begun[i] - deliveries.begun[i - 1] >= 18ms);
  }
}

TEST_CASE("who waits for a pause to end is turned away when the queue closes") {
  Destination::Limits limits;
  limits.initial = limits.most = 1;
  limits.spacing = Destination::Spacing::EndToStart;
  limits.pause = 1h;
  Loop loop;
  Destination destination(loop, limits);
  auto take = [](Destination& of, bool& was_turned_away) -> Task<> {
    auto lease = co_await of.take(0);
    was_turned_away = !lease;
  };
  bool first = true;
  bool second = false;
  Nursery tasks(loop);
  tasks.start(take(destination, first));
  tasks.start(take(destination, second));
  destination.close();
  loop.run_until(tasks.join());
  CHECK_FALSE(first);
  CHECK(second);
}

TEST_CASE("a destination's limit grows no further than is of use") {
  Loop loop;
  Destination::Limits limits;
  limits.initial = 2;
  limits.most = 20;
  Destination destination(loop, limits);
  for (int i = 0; i < 10; ++i) destination.succeeded();
  CHECK(destination.limit() == 2);  // none is under way: two may begin
  auto lease = loop.run_until(destination.take(0));
  for (int i = 0; i < 10; ++i) destination.succeeded();
  CHECK(destination.limit() == 3);
}

TEST_CASE("a transport's limits are its own settings, else the defaults") {
  auto config = config_for_test(
      {"default_destination_concurrency_limit=7", "relay_destination_concurrency_limit=3",
       "default_destination_rate_delay=2s", "smtp_destination_rate_delay=0s",
       "initial_destination_concurrency=4", "smtp_destination_recipient_limit=1"});
  CHECK(transport_limits(*config, "smtp").concurrency.value() == 7);
  CHECK(transport_limits(*config, "relay").concurrency.value() == 3);
  CHECK(transport_limits(*config, "slow").concurrency.value() == 7);
  CHECK(transport_limits(*config, "smtp").destination_rate_delay == 0s);
  CHECK(transport_limits(*config, "relay").destination_rate_delay == 2s);
  CHECK(transport_limits(*config, "relay").initial_concurrency == 4);
  CHECK(transport_limits(*config, "smtp").is_for_each_recipient());
  CHECK_FALSE(transport_limits(*config, "relay").is_for_each_recipient());
  CHECK(transport_limits(*config, "local").recipients.value() == 1);
}

TEST_CASE("with a rate delay one destination gets one message at a time, and others do not wait") {
  World world({"smtp_destination_rate_delay=1h"});
  for (int i = 0; i < 3; ++i) REQUIRE(world.submit({"bob@slow.test", "eve@slow.test"}));
  REQUIRE(world.submit({"cat@quick.test"}));
  // The first goes at once, with both its recipients; all others to it wait.
  wait_for_attempts(world, 3);
  CHECK(world.attempts ==
        std::vector<std::string>{"bob@slow.test", "cat@quick.test", "eve@slow.test"});
  wait_until(world, [&] { return world.scheduler->size() == 2; });
  world.loop.run_until(world.scheduler->drain());
  CHECK(world.scheduler->size() == 2);
}

TEST_CASE(
    "mail that finds no place in a slow destination's line comes back later than other mail") {
  // A line of 100 is the shortest there is; with 1 h a message, half of it is more than 300 s.
  World world({"smtp_destination_rate_delay=1h", "qmgr_message_active_limit=400",
               "minimal_backoff_time=300s", "maximal_backoff_time=300s"});
  for (int i = 0; i < 101; ++i) REQUIRE(world.submit({"x@slow.test"}));
  wait_for_attempts(world, 1);
  wait_until(world, [&] { return world.resolved.size() == 101; });
  REQUIRE(world.submit({"late@slow.test"}));
  wait_until(world, [&] { return world.resolved.size() == 102; });
  wait_until(world, [&] { return !world.scheduler->is_active(world.last_id); });
  auto comes_back = [&](std::chrono::seconds after) {
    world.clock.advance(after);
    world.scheduler->look();
    world.loop.run_until(pause(world.loop));
    return world.scheduler->is_active(world.last_id) ||
           std::ranges::count(world.resolved, "late@slow.test") > 1;
  };
  CHECK_FALSE(comes_back(299s));
  CHECK(comes_back(2s));
  world.loop.run_until(world.scheduler->drain());
}

TEST_CASE("with a recipient limit of 1 each recipient is a destination of its own") {
  World world({"smtp_destination_recipient_limit=1", "smtp_destination_rate_delay=1h"});
  REQUIRE(world.submit({"bob@slow.test", "eve@slow.test"}));
  REQUIRE(world.submit({"bob@slow.test"}));
  wait_for_attempts(world, 2);
  CHECK(world.attempts == std::vector<std::string>{"bob@slow.test", "eve@slow.test"});
  world.loop.run_until(world.scheduler->drain());
  CHECK(world.scheduler->size() == 1);
}

TEST_CASE("one mailbox has as many deliveries at once as its transport's limit") {
  for (bool is_limited : {false, true}) {
    CAPTURE(is_limited);
    World world(is_limited ? std::vector<std::string>{"local_destination_concurrency_limit=1"}
                           : std::vector<std::string>{});
    world.silent = {"ann@here.test"};  // their deliveries do not end
    world.on_resolve = [](const Resolve& ask) {
      auto resolution = World::route_to(Transport::Local, "");
      resolution.route.account.name = ask.recipient.address;
      return resolution;
    };
    for (int i = 0; i < 3; ++i) REQUIRE(world.submit({"ann@here.test"}));
    REQUIRE(world.submit({"bob@here.test"}));
    wait_for_attempts(world, is_limited ? 2 : 4);
    CHECK(std::ranges::count(world.attempts, "ann@here.test") == (is_limited ? 1 : 3));
    CHECK(std::ranges::count(world.attempts, "bob@here.test") == 1);
  }
}

TEST_CASE("messages become active while their recipients are under the limit, and one always") {
  World world({"qmgr_message_recipient_limit=3"});
  world.silent = {"a@one.test", "a@two.test", "a@three.test"};  // their deliveries do not end
  REQUIRE(world.submit({"a@one.test", "b@one.test"}));
  REQUIRE(world.submit({"a@two.test", "b@two.test"}));
  REQUIRE(world.submit({"a@three.test"}));
  wait_for_attempts(world, 4);
  CHECK(std::ranges::count(world.attempts, "a@two.test") == 1);
  CHECK_FALSE(world.scheduler->is_active(world.last_id));
  World small({"qmgr_message_recipient_limit=1"});
  REQUIRE(small.submit({"a@one.test", "b@one.test", "c@one.test"}));
  REQUIRE(small.submit({"a@two.test"}));
  small.settle();
  CHECK(small.scheduler->size() == 0);
}

TEST_CASE("new mail waits in_flow_delay while it outruns delivery, and then is accepted") {
  World world({"qmgr_message_active_limit=1", "in_flow_delay=1s"});
  world.silent = {"a@one.test"};
  auto took = [&](const char* address) {
    auto began = std::chrono::steady_clock::now();
    REQUIRE(world.submit({address}));
    return std::chrono::steady_clock::now() - began;
  };
  CHECK(took("a@one.test") < 900ms);
  wait_for_attempts(world, 1);
  CHECK(took("a@two.test") < 900ms);  // nothing waits yet
  CHECK(took("a@three.test") >= 950ms);
  CHECK(world.scheduler->size() == 3);
}

TEST_CASE("with queue_run_delay retries fall on its multiples") {
  auto at = [](const char* run, std::int64_t arrival, std::int64_t now) {
    auto config = config_for_test({"minimal_backoff_time=300s", "maximal_backoff_time=4000s",
                                   std::string("queue_run_delay=") + run});
    return next_attempt(*config, arrival, now);
  };
  CHECK(at("0s", 1000, 1001) == 1301);
  CHECK(at("300s", 1000, 1001) == 1500);
  CHECK(at("300s", 900, 900) == 1200);
  CHECK(at("300s", 1000, 6000) == 10200);
}

TEST_CASE("a transport of one's own has the limits of its section, and else the defaults") {
  auto config = config_for_test(
      {"default_destination_recipient_limit=7", "default_destination_rate_delay=2s",
       "transport.slow.kind=pipe", "transport.slow.argv=/bin/x", "transport.slow.user=v",
       "transport.slow.destination_concurrency_limit=3",
       "transport.slow.initial_destination_concurrency=1",
       "transport.slow.destination_rate_delay=9s", "transport.slow.transport_rate_delay=1s"});
  auto limits = transport_limits(*config, "slow");
  CHECK(limits.concurrency.value() == 3);
  CHECK(limits.initial_concurrency == 1);
  CHECK(limits.recipients.value() == 7);
  CHECK(limits.destination_rate_delay == std::chrono::seconds(9));
  CHECK(limits.transport_rate_delay == std::chrono::seconds(1));
  CHECK(transport_limits(*config, "smtp").destination_rate_delay == std::chrono::seconds(2));
}
