#include <doctest/doctest.h>

#include <algorithm>

#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

TEST_CASE("a message on hold stays, is released, removed and expanded again at an admin's word") {
  World world;
  QueueId id = world.submit_deferred();
  CHECK(world.loop.run_until(world.scheduler->hold(id)));
  world.clock.advance(100h);
  world.scheduler->look();
  world.settle();
  CHECK(world.attempts.size() == 1);
  world.crash();
  world.settle();
  CHECK(world.attempts.size() == 1);
  CHECK(world.loop.run_until(world.scheduler->release(id)));
  world.settle();
  CHECK(world.attempts.size() == 2);
  CHECK(world.loop.run_until(world.scheduler->remove(id)));
  CHECK(world.scheduler->size() == 0);
  CHECK_FALSE(world.loop.run_until(world.scheduler->remove(id)));
  world.crash();
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("of two things that admins ask for at once the later comes after the first") {
  World world;
  QueueId id = world.submit_deferred();
  REQUIRE(world.loop.run_until(world.scheduler->hold(id)));
  {
    auto ask = [](Task<bool> work) -> Task<> { co_await std::move(work); };
    Nursery both(world.loop);
    both.start(ask(world.scheduler->release(id)));
    both.start(ask(world.scheduler->hold(id)));
    world.settle();
  }
  world.clock.advance(100h);
  world.scheduler->look();
  world.settle();
  CHECK(world.attempts.size() == 1);
  CHECK(world.loop.run_until(world.scheduler->release(id)));
  world.settle();
  CHECK(world.attempts.size() == 2);
}

TEST_CASE(
    "a corrected alias takes effect on what waits after requeueing, and spares what is done") {
  World world;
  std::vector<std::string> staff{"ann@here.test", "wrong@there.test"};
  world.on_resolve = [&](const Resolve& ask) {
    if (ask.recipient.address == "staff@here.test") return World::expansion(staff, ask.recipient);
    return World::route_to(Transport::Smtp, ask.recipient.address);
  };
  world.on_attempt = [](const Recipient& recipient) {
    return recipient.address == "wrong@there.test"
               ? World::outcome(OutcomeKind::Retry, "4.2.0", "busy")
               : World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
  };
  REQUIRE(world.submit({"staff@here.test"}));
  world.settle();
  staff = {"ann@here.test", "right@there.test"};
  CHECK(world.loop.run_until(world.scheduler->requeue(world.last_id)));
  world.settle();
  CHECK(std::ranges::count(world.attempts, "ann@here.test") == 1);
  CHECK(std::ranges::count(world.attempts, "wrong@there.test") == 1);
  CHECK(std::ranges::count(world.attempts, "right@there.test") == 1);
  CHECK(world.scheduler->size() == 0);
}

TEST_CASE("a message that an admin expires goes back to its sender when its turn comes") {
  World world({"minimal_backoff_time=300s", "maximal_backoff_time=300s"});
  auto report_of = [&] {
    REQUIRE(world.delivered.size() == 1);
    CHECK(world.delivered[0].first.sender.empty());
    CHECK(world.delivered[0].first.recipients[0].address == "ann@x.test");
    return world.delivered[0].second;
  };
  auto come = [&] {
    world.on_attempt = [](const Recipient&) {
      return World::outcome(OutcomeKind::Delivered, "2.0.0", "ok");
    };
    world.clock.advance(301s);
    world.scheduler->look();
    world.settle();
  };
  SUBCASE("with the reason for which it waited, and without another attempt") {
    QueueId id = world.submit_deferred();
    CHECK(world.loop.run_until(world.scheduler->expire(id)));
    world.settle();
    CHECK(world.delivered.empty());
    world.crash();
    come();
    CHECK(report_of().find("busy") != std::string::npos);
    CHECK(std::ranges::count(world.attempts, "bob@there.test") == 1);
    CHECK(world.has_line(id.value() + ": from=<ann@x.test>, status=force-expired, returned to"));
  }
  SUBCASE("saying that an admin did it, if it was never tried") {
    world.loop.run_until(world.scheduler->drain());
    REQUIRE(world.submit({"bob@there.test"}));
    CHECK(world.loop.run_until(world.scheduler->expire(world.last_id)));
    world.crash();
    come();
    CHECK(report_of().find("message is administratively expired") != std::string::npos);
    CHECK(std::ranges::count(world.attempts, "bob@there.test") == 0);
  }
  SUBCASE("a held one only once it is released") {
    QueueId id = world.submit_deferred();
    REQUIRE(world.loop.run_until(world.scheduler->hold(id)));
    CHECK(world.loop.run_until(world.scheduler->expire(id)));
    come();
    CHECK(world.delivered.empty());
    CHECK(world.loop.run_until(world.scheduler->expire_and_release(id)));
    world.settle();
    CHECK(report_of().find("busy") != std::string::npos);
  }
}
