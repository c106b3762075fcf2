#include "store/login/auth_queue.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/async/nursery.h"

using namespace pennypost;
using namespace pennypost::store;
using namespace std::chrono_literals;
using Verdict = AuthQueue::Verdict;

namespace {

constexpr Duration patience{10'000};

/// A queue with one thread, and attempts whose turns are seen in order.
struct Desk {
  explicit Desk(AuthQueue::Limits limits = one_thread())
      : throttle(clock, settings()), queue(loop, clock, throttle, limits), tasks(loop) {}
  ~Desk() { tasks.cancel(); }
  static AuthQueue::Limits one_thread() {
    AuthQueue::Limits limits;
    limits.waiting_max = 8;
    limits.per_address_max = 2;
    limits.per_login_max = 3;
    limits.running_max = 1;
    return limits;
  }
  static LoginThrottle::Settings settings() {
    LoginThrottle::Settings made;
    made.per_address_max = Limit(4);
    made.known_lifetime = 3600s;
    made.exempt = NetworkList({"198.51.100.0/24"});
    return made;
  }
  void failed(const std::string& address, const std::string& login = "x") {
    throttle.failed(*IpAddress::parse(address), login, clock.now().count());
  }
  void known(const std::string& address, const std::string& login) {
    throttle.succeeded(*IpAddress::parse(address), login, clock.now().count());
  }
  void come(const std::string& name, const std::string& address, const std::string& login = "") {
    AuthQueue::Client client;
    client.key = name;
    client.address = *IpAddress::parse(address);
    client.login = login.empty() ? name : login;
    client.first_delay = Duration(1000);
    client.longest_delay = Duration(4000);
    attempts[name] = std::make_unique<AuthQueue::Attempt>(queue, std::move(client));
    tasks.start(take_turn(name));
    pass();
  }
  Task<> take_turn(std::string name) {
    auto turn = attempts[name]->turn(patience);
    auto verdict = co_await std::move(turn);
    if (verdict == Verdict::Go) order += name;
    if (verdict == Verdict::Busy) busy += name;
    if (verdict == Verdict::Gone) gone += name;
  }
  void end(const std::string& name) {
    attempts.erase(name);
    pass();
  }
  /// Ends one turn after the other until nobody is left who may have one.
  std::string run_all() {
    for (std::size_t done = 0; done < order.size(); ++done) end(order.substr(done, 1));
    return order;
  }
  void pass(Duration time = Duration(1)) { loop.run_until(sleep(loop, time)); }
  static Task<> sleep(Loop& loop, Duration time) { co_await loop.sleep(time); }

  Loop loop;
  ManualClock clock;
  LoginThrottle throttle;
  AuthQueue queue;
  Nursery tasks;
  std::map<std::string, std::unique_ptr<AuthQueue::Attempt>> attempts;
  std::string order;
  std::string busy;
  std::string gone;
};

}  // namespace

TEST_CASE("pairs that have logged in come before strangers, and exempt networks with them") {
  Desk desk;
  desk.known("192.0.2.1", "k");
  desk.come("a", "192.0.2.9");
  desk.come("b", "192.0.2.2");
  desk.come("k", "192.0.2.1");
  desk.come("e", "198.51.100.1");
  desk.come("l", "192.0.2.1");  // known as somebody else
  CHECK(desk.run_all() == "aekbl");
}

TEST_CASE("strangers whose attempts came to nothing come after those of whom nothing is known") {
  Desk desk;
  desk.failed("192.0.2.2");
  desk.come("a", "192.0.2.9");
  desk.come("b", "192.0.2.1");
  desk.come("c", "192.0.2.2");
  desk.come("d", "192.0.2.3");
  CHECK(desk.run_all() == "adbc");
}

TEST_CASE("a right password does not count against its address") {
  Desk desk;
  for (int i = 0; i < 5; ++i) {
    desk.come("r", "192.0.2.1");
    desk.attempts["r"]->succeed();
    desk.end("r");
  }
  desk.order.clear();
  desk.come("a", "192.0.2.9");
  desk.come("b", "192.0.2.2");
  desk.come("c", "192.0.2.1");
  CHECK(desk.run_all() == "acb");
}

TEST_CASE("an address with wrong passwords has few places, one without shares those of all") {
  Desk desk;
  desk.come("a", "192.0.2.9");
  for (const char* name : {"b", "c", "d"}) desk.come(name, "192.0.2.1");
  CHECK(desk.busy.empty());
  desk.failed("192.0.2.2");
  for (const char* name : {"e", "f", "g"}) desk.come(name, "192.0.2.2");
  CHECK(desk.busy == "g");
  desk.failed("192.0.2.1");
  desk.come("h", "192.0.2.1");
  CHECK(desk.busy == "gh");
}

TEST_CASE("a failure takes the places beyond the address's few from those that wait") {
  Desk desk;
  for (const char* name : {"a", "b", "c", "d", "e"}) desk.come(name, "192.0.2.1");
  desk.failed("192.0.2.1");
  desk.end("a");
  CHECK(desk.busy == "ed");
}

TEST_CASE("a login has few places for suspects, and one more for who is none") {
  Desk desk;
  desk.come("a", "192.0.2.9");
  for (int i = 1; i <= 4; ++i) {
    std::string address = "192.0.2." + std::to_string(i);
    desk.failed(address);
    desk.come(std::to_string(i), address, "bob");
  }
  CHECK(desk.busy == "4");
  desk.come("b", "192.0.2.5", "bob");
  CHECK(desk.busy == "4");
  CHECK(desk.run_all().substr(0, 2) == "ab");
}

TEST_CASE("when all places are taken the client with the most to its account gives way") {
  Desk desk;
  desk.come("a", "192.0.2.9");
  desk.failed("192.0.2.1");
  desk.come("b", "192.0.2.1");
  for (int i = 1; i <= 7; ++i) desk.come(std::to_string(i), "203.0.113." + std::to_string(i));
  CHECK(desk.busy.empty());
  desk.come("c", "192.0.2.3");
  CHECK(desk.busy == "b");
  desk.failed("192.0.2.4");
  desk.come("d", "192.0.2.4");
  CHECK(desk.busy == "bd");
  CHECK(desk.queue.waiting() == 8);
}

TEST_CASE("an attempt whose client has gone is not checked") {
  Desk desk;
  desk.come("a", "192.0.2.9");
  desk.come("b", "192.0.2.1");
  desk.come("c", "192.0.2.2");
  desk.queue.drop("b");
  desk.queue.drop("nobody");
  desk.pass();
  CHECK(desk.gone == "b");
  CHECK(desk.run_all() == "ac");
  CHECK(desk.queue.running() == 0);
}

TEST_CASE("suspects get at most half of the threads") {
  auto limits = Desk::one_thread();
  limits.running_max = 4;
  Desk desk(limits);
  for (int i = 1; i <= 4; ++i) {
    std::string address = "192.0.2." + std::to_string(i);
    desk.failed(address);
    desk.come(std::to_string(i), address);
  }
  CHECK(desk.order == "12");
  desk.come("a", "192.0.2.9");
  CHECK(desk.order == "12a");
  desk.end("1");
  CHECK(desk.order.size() == 4);
}

TEST_CASE("strangers leave a thread to those who are known") {
  auto limits = Desk::one_thread();
  limits.running_max = 3;
  Desk desk(limits);
  desk.known("192.0.2.1", "k");
  for (const char* name : {"a", "b", "c"}) desk.come(name, "203.0.113.9");
  CHECK(desk.order == "ab");
  desk.come("k", "192.0.2.1");
  CHECK(desk.order == "abk");
  desk.end("k");
  CHECK(desk.order == "abk");
  desk.end("a");
  CHECK(desk.order == "abkc");
}

TEST_CASE("a slowed address has one check at a time, after a pause") {
  auto limits = Desk::one_thread();
  limits.running_max = 4;
  Desk desk(limits);
  for (int i = 0; i < 4; ++i) desk.failed("192.0.2.1");
  desk.come("a", "192.0.2.1");
  desk.come("b", "192.0.2.1");
  CHECK(desk.order.empty());
  desk.clock.advance(999ms);
  desk.come("c", "192.0.2.2");
  CHECK(desk.order == "c");
  desk.clock.advance(1ms);
  desk.end("c");
  CHECK(desk.order == "ca");
  desk.failed("192.0.2.1");
  desk.end("a");
  CHECK(desk.order == "ca");
  desk.clock.advance(1s);
  desk.come("d", "192.0.2.3");
  desk.end("d");
  CHECK(desk.order.find('b') != std::string::npos);
}

TEST_CASE("whoever waits too long is told so, and leaves its place") {
  Desk desk;
  desk.come("a", "192.0.2.9");
  desk.attempts["b"] = std::make_unique<AuthQueue::Attempt>(desk.queue, AuthQueue::Client{});
  auto verdict = desk.loop.run_until(desk.attempts["b"]->turn(Duration(5)));
  CHECK(verdict == Verdict::Busy);
  CHECK(desk.queue.waiting() == 0);
  CHECK(desk.queue.running() == 1);
}
