#include "smtpd/scheduler/room_desk.h"

#include "smtpd/scheduler/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A queue that asks a deliver process, in which 100 octets have room.
struct Desk {
  World world;
  std::vector<std::string> measured;
  RoomDesk desk{world.loop, peers()};

  Desk() {
    world.own.services.on<MeasureRoom>([this](MeasureRoom ask, std::vector<Descriptor>) {
      measured.push_back(ask.account.name + " " + ask.recipient.original);
      return answer(ask.bytes);
    });
    world.on_resolve = [](const Resolve& ask) {
      const auto& address = ask.recipient.address;
      if (address == "alias@here.test") return World::expansion({"ann@here.test"}, ask.recipient);
      if (address == "loop@here.test") return World::expansion({"loop@here.test"}, ask.recipient);
      if (address == "staff@here.test") {
        return World::expansion({"ann@here.test", "bob@here.test"}, ask.recipient);
      }
      auto resolution = World::route_to(Transport::Local, "");
      resolution.route.account.name = address;
      resolution.route.account.is_system = address == "root@here.test";
      if (address != "bob@here.test") resolution.route.account.quota = "*:storage=1";
      return resolution;
    };
  }
  static Task<Result<Room>> answer(std::uint64_t bytes) {
    Room room;
    room.fate.code = bytes > 100 ? 452 : 250;
    co_return room;
  }
  QueuePeers peers() {
    QueuePeers peers;
    peers.port = [this](std::string_view kind) -> Port& {
      return kind == "lookup"   ? world.lookup.port
             : kind == "master" ? world.master.port
                                : world.own.port;
    };
    peers.config = [this] { return world.config; };
    return peers;
  }
  int code(const std::string& recipient, std::uint64_t bytes = 101) {
    AskRoom ask;
    ask.recipient = recipient;
    ask.bytes = bytes;
    return world.loop.run_until(desk.find_out(std::move(ask))).fate.code;
  }
};

}  // namespace

TEST_CASE("the process that delivers to a mailbox says whether it has room") {
  Desk desk;
  CHECK(desk.code("ann@here.test") == 452);
  CHECK(desk.code("ann@here.test", 100) == 250);
  CHECK(desk.code("alias@here.test") == 452);
  CHECK(desk.measured == std::vector<std::string>{"ann@here.test ann@here.test",
                                                  "ann@here.test ann@here.test",
                                                  "ann@here.test alias@here.test"});
}

TEST_CASE("what leads to no single mailbox with a quota is not measured, and has room") {
  Desk desk;
  for (const char* address :
       {"staff@here.test", "bob@here.test", "root@here.test", "loop@here.test"}) {
    CAPTURE(address);
    CHECK(desk.code(address) == 250);
  }
  CHECK(desk.measured.empty());
}
