#include "smtpd/policy/client_counts.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;
using Did = CountClient::Event;

namespace {

CountClient did(Did event, std::string address = "192.0.2.1") {
  CountClient count;
  count.address = std::move(address);
  count.event = event;
  return count;
}

}  // namespace

TEST_CASE("events are counted in units of time, each kind for itself") {
  ManualClock clock;
  ClientCounts counts(clock);
  CHECK(counts.note(did(Did::Message), Seconds(60)).in_unit == 1);
  CHECK(counts.note(did(Did::Message), Seconds(60)).in_unit == 2);
  CHECK(counts.note(did(Did::Recipient), Seconds(60)).in_unit == 1);
  clock.advance(Seconds(60));
  CHECK(counts.note(did(Did::Message), Seconds(60)).in_unit == 1);
}

TEST_CASE("the number of addresses is bounded") {
  ManualClock clock;
  ClientCounts counts(clock);
  for (std::size_t i = 0; i < client_addresses_max + 10; ++i) {
    counts.note(did(Did::Message, std::to_string(i)), Seconds(60));
  }
  CHECK(counts.size() == client_addresses_max);
}
