#include "common/session/login_throttle.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

const std::string bob = "bob@example.org";

IpAddress at(std::string_view text) { return *IpAddress::parse(text); }

struct Desk {
  explicit Desk(std::vector<std::string> exempt = {})
      : throttle(clock, settings(std::move(exempt))) {}
  static LoginThrottle::Settings settings(std::vector<std::string> exempt) {
    LoginThrottle::Settings made;
    made.per_address_max = Limit(4);
    made.per_pair_max = Limit(3);
    made.known_lifetime = Seconds(3600);
    made.exempt = NetworkList(exempt);
    return made;
  }
  bool failed(std::string_view address, const std::string& login) {
    return throttle.failed(at(address), login, clock.now().count());
  }
  void succeeded(std::string_view address, const std::string& login) {
    throttle.succeeded(at(address), login, clock.now().count());
  }
  ManualClock clock;
  LoginThrottle throttle;
};

}  // namespace

TEST_CASE("the pair of address and login is blocked for a window, and nobody beside it") {
  Desk desk;
  CHECK_FALSE(desk.failed("192.0.2.1", bob));
  CHECK_FALSE(desk.failed("192.0.2.1", bob));
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  desk.clock.advance(500s);
  CHECK(desk.failed("192.0.2.1", bob));
  CHECK(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), "ann@example.org"));
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.2"), bob));
  desk.clock.advance(599s);
  CHECK(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  desk.clock.advance(1s);
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  CHECK(desk.throttle.failures(at("192.0.2.1"), bob) == 0);
}

TEST_CASE(
    "times that can't have been, as a broken peer tells them, count as the nearest that can") {
  Desk desk;
  for (auto when : {INT64_MIN, INT64_MAX}) {
    CAPTURE(when);
    desk.throttle.failed(at("192.0.2.1"), bob, when);
    desk.throttle.succeeded(at("192.0.2.2"), bob, when);
    for (const auto& entry : desk.throttle.entries()) {
      CHECK(entry.since >= 0);
      CHECK(entry.since <= desk.clock.now().count());
    }
  }
  CHECK(desk.throttle.failures(at("192.0.2.1"), bob) == 1);
}

TEST_CASE("a pair whose last login is no longer remembered is news, however short that is") {
  ManualClock clock;
  LoginThrottle::Settings settings;
  settings.known_lifetime = Seconds(30);
  LoginThrottle throttle(clock, settings);
  throttle.succeeded(at("192.0.2.1"), bob, clock.now().count());
  clock.advance(29s);
  CHECK_FALSE(throttle.is_news(at("192.0.2.1"), bob));
  clock.advance(1s);
  CHECK(throttle.is_news(at("192.0.2.1"), bob));
}

TEST_CASE("a right password is news once a minute, and whenever it forgives wrong ones") {
  Desk desk;
  auto is_news = [&] { return desk.throttle.is_news(at("192.0.2.1"), bob); };
  CHECK(is_news());
  desk.succeeded("192.0.2.1", bob);
  CHECK_FALSE(is_news());
  CHECK(desk.throttle.is_news(at("192.0.2.2"), bob));
  desk.failed("192.0.2.1", bob);
  CHECK(is_news());
  desk.succeeded("192.0.2.1", bob);
  desk.clock.advance(59s);
  CHECK_FALSE(is_news());
  desk.clock.advance(1s);
  CHECK(is_news());
}

TEST_CASE("a right password clears its own pair, and no guesses on others") {
  Desk desk;
  for (int i = 0; i < 2; ++i) {
    desk.failed("192.0.2.1", bob);
    desk.failed("192.0.2.1", "mallory@example.org");
    desk.succeeded("192.0.2.1", "mallory@example.org");
  }
  CHECK(desk.throttle.failures(at("192.0.2.1"), "mallory@example.org") == 0);
  CHECK(desk.throttle.failures(at("192.0.2.1"), bob) == 2);
  CHECK(desk.throttle.failures(at("192.0.2.1")) == 4);
  CHECK(desk.throttle.is_slowed(at("192.0.2.1")));
}

TEST_CASE("IPv6 clients count by their /64") {
  Desk desk;
  for (int i = 0; i < 3; ++i) desk.failed("2001:db8::" + std::to_string(i), bob);
  CHECK(desk.throttle.is_blocked(at("2001:db8::ffff:1"), bob));
  CHECK_FALSE(desk.throttle.is_blocked(at("2001:db8:0:1::1"), bob));
  desk.succeeded("2001:db8::7", "ann");
  CHECK(desk.throttle.is_known(at("2001:db8::8"), "ann"));
}

TEST_CASE("an address with many failures is checked with a growing pause, and never blocked") {
  Desk desk;
  for (int i = 0; i < 4; ++i) {
    CHECK(desk.throttle.next_check(2s, 15s, at("192.0.2.1")) == 0);
    desk.failed("192.0.2.1", std::to_string(i));
  }
  auto pause = [&] {
    auto next = desk.throttle.next_check(2s, 15s, at("192.0.2.1"));
    return Microseconds(next) - desk.clock.now();
  };
  CHECK(pause() == 2s);
  desk.clock.advance(1s);
  CHECK(pause() == 1s);
  for (int i = 0; i < 4; ++i) desk.failed("192.0.2.1", "x" + std::to_string(i));
  CHECK(pause() == 4s);
  for (int i = 0; i < 40; ++i) desk.failed("192.0.2.1", "y" + std::to_string(i));
  CHECK(pause() == 15s);
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  CHECK(desk.throttle.next_check(2s, 15s, at("192.0.2.2")) == 0);
}

TEST_CASE("each wrong password of a pair is answered later than the one before") {
  Desk desk;
  auto delay = [&](std::string_view address, const std::string& login) {
    return desk.throttle.answer_delay(2s, 15s, at(address), login);
  };
  CHECK(delay("192.0.2.1", bob) == 2s);
  desk.failed("192.0.2.1", bob);
  CHECK(delay("192.0.2.1", bob) == 4s);
  CHECK(delay("192.0.2.1", "ann") == 2s);
  desk.failed("192.0.2.1", bob);
  CHECK(delay("192.0.2.1", bob) == 8s);
  desk.failed("192.0.2.1", bob);
  CHECK(delay("192.0.2.1", bob) == 15s);
  desk.failed("192.0.2.1", bob);
  CHECK(delay("192.0.2.1", "ann") == 15s);
  CHECK(desk.throttle.answer_delay(0s, 15s, at("192.0.2.1"), bob) == 0s);
}

TEST_CASE("clients of exempt networks are neither slowed nor blocked") {
  Desk desk({"192.0.2.0/24"});
  for (int i = 0; i < 10; ++i) CHECK_FALSE(desk.failed("192.0.2.1", bob));
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  CHECK_FALSE(desk.throttle.is_slowed(at("192.0.2.1")));
  CHECK(desk.throttle.answer_delay(2s, 15s, at("192.0.2.1"), bob) == 2s);
}

TEST_CASE("an address that has logged in is known for its lifetime, by that login") {
  Desk desk;
  desk.succeeded("192.0.2.1", bob);
  CHECK(desk.throttle.is_known(at("192.0.2.1"), bob));
  CHECK_FALSE(desk.throttle.is_known(at("192.0.2.1"), "ann"));
  CHECK_FALSE(desk.throttle.is_known(at("192.0.2.2"), bob));
  desk.clock.advance(3600s);
  CHECK_FALSE(desk.throttle.is_known(at("192.0.2.1"), bob));
}

TEST_CASE("what one throttle remembers another takes over, once however often it hears it") {
  Desk desk;
  for (int i = 0; i < 3; ++i) desk.failed("192.0.2.1", bob);
  desk.succeeded("2001:db8::1", "ann");
  Desk other;
  for (int i = 0; i < 2; ++i) {
    for (const auto& entry : desk.throttle.entries()) other.throttle.merge(entry);
  }
  CHECK(other.throttle.entries().size() == 3);
  CHECK(other.throttle.is_blocked(at("192.0.2.1"), bob));
  CHECK(other.throttle.failures(at("192.0.2.1")) == 3);
  CHECK(other.throttle.is_known(at("2001:db8::1"), "ann"));
}

TEST_CASE("a failure of a time to come counts as one of now") {
  Desk desk;
  for (int i = 0; i < 3; ++i) {
    desk.throttle.failed(at("192.0.2.1"), bob, desk.clock.now().count() + 1'000'000'000'000);
  }
  CHECK(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  desk.clock.advance(600s);
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), bob));
}

TEST_CASE("blocks are lifted by address, by login, or all at once") {
  Desk desk;
  auto fill = [&] {
    for (int i = 0; i < 3; ++i) {
      desk.failed("192.0.2.1", bob);
      desk.failed("2001:db8::1", bob);
      desk.failed("192.0.2.1", "ann@example.org");
    }
  };
  fill();
  CHECK(desk.throttle.lift("192.0.2.1") == 3);
  CHECK_FALSE(desk.throttle.is_blocked(at("192.0.2.1"), bob));
  CHECK(desk.throttle.is_blocked(at("2001:db8::1"), bob));
  CHECK(desk.throttle.lift("2001:db8::ffff") == 2);
  fill();
  CHECK(desk.throttle.lift("Bob@example.org") == 2);
  CHECK(desk.throttle.is_blocked(at("192.0.2.1"), "ann@example.org"));
  CHECK(desk.throttle.lift("ann") == 1);
  CHECK(desk.throttle.lift("nobody") == 0);
  CHECK(desk.throttle.lift("") == 2);
  CHECK(desk.throttle.entries().empty());
}

TEST_CASE("more addresses than are remembered push the oldest out") {
  Desk desk;
  auto nth = [](unsigned n) {
    return IpAddress::v4({10, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
                          static_cast<std::uint8_t>(n)});
  };
  for (unsigned n = 0; n <= LoginThrottle::addresses_max; ++n) desk.throttle.failed(nth(n), "", 1);
  auto now = desk.clock.now().count();
  for (unsigned n = 0; n <= LoginThrottle::addresses_max; ++n) {
    desk.throttle.failed(nth(n), "", now);
  }
  CHECK(desk.throttle.failures(nth(0)) == 0);
  CHECK(desk.throttle.failures(nth(1)) == 1);
  CHECK(desk.throttle.failures(nth(LoginThrottle::addresses_max)) == 1);
}
