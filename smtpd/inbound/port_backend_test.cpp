#include "smtpd/inbound/port_backend.h"

#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A queue that says how much is spare, and refuses what is larger.
struct Queueing {
  Loop loop;
  Peer queue{loop, "queue"};
  Peer lookup{loop, "lookup"};
  PortBackend backend{loop, lookup.port, queue.port, nullptr, 10};
  std::uint64_t spare = 6400;
  int asked = 0;

  Queueing() {
    queue.services.on<AskRoom>([this](AskRoom ask, std::vector<Descriptor>) {
      ++asked;
      return answer(ask.bytes, spare);
    });
  }
  static Task<Result<Room>> answer(std::uint64_t bytes, std::uint64_t spare) {
    Room room;
    room.fate.code = bytes > spare ? 452 : 250;
    room.spare_bytes = bytes > spare ? 0 : spare;
    co_return room;
  }
  int code(const std::string& recipient, std::uint64_t bytes) {
    AskRoom ask;
    ask.recipient = recipient;
    ask.bytes = bytes;
    auto fate = loop.run_until(backend.room(std::move(ask)));
    REQUIRE(fate);
    return fate->code;
  }
};

}  // namespace

TEST_CASE("a mailbox with far more room than a message takes is looked at once for many of them") {
  Queueing host;
  CHECK(host.code("ann@here.test", 1) == 250);
  CHECK(host.code("ann@here.test", 100) == 250);
  CHECK(host.asked == 1);
  CHECK(host.code("bob@here.test", 100) == 250);
  CHECK(host.asked == 2);
  SUBCASE("a larger one is asked about") {
    CHECK(host.code("ann@here.test", 101) == 250);
    CHECK(host.code("ann@here.test", 6401) == 452);
    CHECK(host.asked == 4);
    // What is spare is not known any more.
    CHECK(host.code("ann@here.test", 1) == 250);
    CHECK(host.asked == 5);
  }
  SUBCASE("so is each one while the mailbox is nearly full") {
    host.spare = 63;
    CHECK(host.code("carl@here.test", 1) == 250);
    CHECK(host.code("carl@here.test", 1) == 250);
    CHECK(host.asked == 4);
  }
}
