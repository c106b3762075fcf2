#include "smtpd/queue/open_bodies.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const QueueId first(std::string("one"));
const QueueId second(std::string("two"));
constexpr ProcessNumber owner{1};
constexpr ProcessNumber stranger{2};

}  // namespace

TEST_CASE("a body is closed by the process alone that opened it, and once") {
  OpenBodies bodies;
  REQUIRE(bodies.open(first, owner));
  CHECK_FALSE(bodies.close(first, stranger));
  CHECK(bodies.is_open(first));
  CHECK(bodies.close(first, owner));
  CHECK_FALSE(bodies.close(first, owner));
  CHECK_FALSE(bodies.is_open(first));
}

TEST_CASE("a body that is open can't be opened again, not even by its own process") {
  OpenBodies bodies;
  REQUIRE(bodies.open(first, owner));
  for (auto process : {owner, stranger}) {
    auto again = bodies.open(first, process);
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == 501);
  }
  CHECK(bodies.is_of(first, owner));
}

TEST_CASE("what a process has open ends with it, and nothing else") {
  OpenBodies bodies;
  REQUIRE(bodies.open(first, owner));
  REQUIRE(bodies.open(second, stranger));
  auto closed = bodies.close_all_of(owner);
  REQUIRE(closed.size() == 1);
  CHECK(closed.front() == first);
  CHECK_FALSE(bodies.is_open(first));
  CHECK(bodies.is_of(second, stranger));
  CHECK(bodies.close_all_of(owner).empty());
}

TEST_CASE("a process that closes one of its bodies has the others still") {
  OpenBodies bodies;
  REQUIRE(bodies.open(first, owner));
  REQUIRE(bodies.open(second, owner));
  CHECK(bodies.close(first, owner));
  CHECK(bodies.is_of(second, owner));
  auto closed = bodies.close_all_of(owner);
  REQUIRE(closed.size() == 1);
  CHECK(closed.front() == second);
}
