#include "store/accounts/penalty.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Fixture {
  ManualClock clock;
  LoginPenalty penalty{clock, Seconds{2}, Seconds{15}, Seconds{600}};
  IpAddress here = *IpAddress::parse("192.0.2.1");
  IpAddress there = *IpAddress::parse("192.0.2.2");
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the delay doubles with each failure, up to the longest") {
  for (int seconds : {2, 4, 8, 15, 15}) CHECK(penalty.failed(here, "ann") == Seconds{seconds});
  CHECK(penalty.failed(there, "ann") == Seconds{2});
}

TEST_CASE_FIXTURE(Fixture, "trying other names from one address does not help") {
  penalty.failed(here, "ann");
  penalty.failed(here, "bob");
  CHECK(penalty.failed(here, "carol") == Seconds{8});
}

TEST_CASE_FIXTURE(Fixture, "a right password forgives the name, not the address") {
  penalty.failed(here, "ann");
  penalty.failed(here, "ann");
  penalty.succeeded(here, "ANN");
  CHECK(penalty.delay(here, "ann") == Seconds{8});
  CHECK(penalty.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "one failure is forgiven for each stretch of time without another") {
  for (int i = 0; i < 3; ++i) penalty.failed(here, "ann");
  clock.advance(Seconds{1200});
  CHECK(penalty.failed(here, "ann") == Seconds{4});
  clock.advance(Seconds{100'000});
  CHECK(penalty.failed(here, "ann") == Seconds{2});
}

TEST_CASE_FIXTURE(Fixture, "addresses of one IPv6 network count as one") {
  penalty.failed(*IpAddress::parse("2001:db8::1"), "ann");
  CHECK(penalty.failed(*IpAddress::parse("2001:db8::ffff:2"), "bob") == Seconds{4});
  CHECK(penalty.failed(*IpAddress::parse("2001:db8:0:1::1"), "ann") == Seconds{2});
}

TEST_CASE_FIXTURE(Fixture, "what is remembered is bounded") {
  for (std::size_t i = 0; i < LoginPenalty::entries_max + 10; ++i) {
    penalty.failed(here, std::to_string(i));
  }
  CHECK(penalty.size() == LoginPenalty::entries_max);
  CHECK(penalty.delay(here, "nobody") == Seconds{15});
}

TEST_CASE("without a delay there is none, however many fail") {
  ManualClock clock;
  LoginPenalty penalty(clock, Seconds{0}, Seconds{15}, Seconds{600});
  auto address = IpAddress::loopback4();
  for (int i = 0; i < 5; ++i) CHECK(penalty.failed(address, "ann") == Seconds{0});
}
