#include "common/net/connection_counts.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <list>
#include <string>

using namespace pennypost;

namespace {

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

}  // namespace

TEST_CASE("a client's connections are counted over all processes, as long as they last") {
  ConnectionTable table;
  ConnectionCounts one(&table, table.take());
  ConnectionCounts other(&table, table.take());
  auto first = one.enter(address("192.0.2.1"), 0);
  CHECK(first.open == 1);
  auto second = other.enter(address("192.0.2.1"), 0);
  CHECK(second.open == 2);
  CHECK(one.enter(address("192.0.2.2"), 0).open == 1);
  CHECK(one.enter(address("192.0.2.1"), 0).open == 3);  // and gone at once
  first.place.leave();
  CHECK(other.enter(address("192.0.2.1"), 0).open == 2);
}

TEST_CASE("a real process counts in shared memory, and is forgotten when its slice is given back") {
  ConnectionTable table;
  auto slice = table.take();
  REQUIRE(slice);
  pid_t child = fork();
  if (child == 0) {
    ConnectionCounts counts(&table, slice);
    auto held = counts.enter(address("192.0.2.1"), 0);
    _exit(held.open == 1 ? 0 : 1);  // without leaving
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  ConnectionCounts own(&table, table.take());
  CHECK(own.enter(address("192.0.2.1"), 0).open == 2);
  table.give_back(*slice);
  CHECK(own.enter(address("192.0.2.1"), 0).open == 1);
  CHECK(table.take() == slice);
}

TEST_CASE("IPv6 clients are counted by their /64") {
  ConnectionCounts counts(nullptr, std::nullopt);
  auto one = counts.enter(address("2001:db8:1:2::1"), 0);
  auto two = counts.enter(address("2001:db8:1:2:ffff::1"), 0);
  CHECK(two.open == 2);
  CHECK(counts.enter(address("2001:db8:1:3::1"), 0).open == 1);
}

TEST_CASE("connections are counted in units of time, also those that have gone") {
  ConnectionTable table;
  ConnectionCounts one(&table, table.take());
  ConnectionCounts other(&table, table.take());
  CHECK(one.enter(address("192.0.2.1"), 7).in_unit == 1);
  CHECK(one.enter(address("192.0.2.1"), 7).in_unit == 2);
  CHECK(other.enter(address("192.0.2.1"), 7).in_unit == 3);
  CHECK(one.enter(address("192.0.2.1"), 8).in_unit == 1);
}

TEST_CASE("ten thousand clients are nearly all counted, and one of them always exactly") {
  ConnectionCounts counts(nullptr, std::nullopt);
  std::list<ConnectionCounts::Place> places;
  int uncounted = 0;
  for (int i = 0; i < 10'000; ++i) {
    auto client = address("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    auto counted = counts.enter(client, 0);
    if (counted.open != 1) ++uncounted;
    places.push_back(std::move(counted.place));
  }
  CHECK(uncounted < 100);
}

TEST_CASE("where no slice is left a process counts for itself") {
  ConnectionTable table;
  for (std::size_t i = 0; i < ConnectionTable::slices_max; ++i) CHECK(table.take());
  ConnectionCounts counts(&table, table.take());
  auto one = counts.enter(address("192.0.2.1"), 0);
  CHECK(counts.enter(address("192.0.2.1"), 0).open == 2);
}
