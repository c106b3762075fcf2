#include "smtpd/scheduler/local_sockets.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "common/base/scratch.h"
#include "common/net/listener.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

Route route_to(std::string next_hop) {
  Route route;
  route.transport = Transport::Lmtp;
  route.next_hop = std::move(next_hop);
  return route;
}

struct Fixture {
  Fixture() : sockets(loop, scratch.path()) {}
  /// Empty if it is connected.
  std::string connect(const std::string& path) {
    auto socket = loop.run_until(sockets.connect(path, 100ms));
    return socket ? "" : socket.error().text();
  }
  Loop loop;
  Scratch scratch;
  LocalSockets sockets;
};

}  // namespace

TEST_CASE("a socket is connected to, by its path in the directory or from the root") {
  Fixture fixture;
  auto listener = listen_unix(fixture.scratch.path() / "lmtp", 0600);
  REQUIRE(listener);
  std::string absolute = fixture.scratch.path() / "lmtp";
  LocalSockets::Permit relative(fixture.sockets, route_to("unix:lmtp"));
  LocalSockets::Permit whole(fixture.sockets, route_to("unix:" + absolute));
  CHECK(fixture.connect("lmtp") == "");
  CHECK(fixture.connect(absolute) == "");
}

TEST_CASE("a socket is opened only while mail is on its way to it") {
  Fixture fixture;
  auto listener = listen_unix(fixture.scratch.path() / "lmtp", 0600);
  REQUIRE(listener);
  const std::string refused = "no mail is on its way to this socket";
  CHECK(fixture.connect("lmtp") == refused);
  {
    LocalSockets::Permit first(fixture.sockets, route_to("unix:lmtp"));
    {
      LocalSockets::Permit second(fixture.sockets, route_to("unix:lmtp"));
      CHECK(fixture.connect("lmtp") == "");
    }
    CHECK(fixture.connect("lmtp") == "");
    CHECK(fixture.connect("other") == refused);
  }
  CHECK(fixture.connect("lmtp") == refused);
  Route inet = route_to("[192.0.2.1]:24");
  inet.fallbacks.push_back(FallbackHop{"unix:lmtp", {}, {}});
  LocalSockets::Permit fallback(fixture.sockets, inet);
  CHECK(fixture.connect("lmtp") == "");
}

TEST_CASE("a socket without a server, or with a full one, is an error that says why") {
  Fixture fixture;
  const std::string longest = "/" + std::string(120, 'x');
  LocalSockets::Permit none(fixture.sockets, route_to("unix:none"));
  LocalSockets::Permit full(fixture.sockets, route_to("unix:full"));
  LocalSockets::Permit too_long(fixture.sockets, route_to("unix:" + longest));
  CHECK(fixture.connect("none") == "No such file or directory");
  CHECK(fixture.connect(longest).find("too long") != std::string::npos);
  auto listener = listen_unix(fixture.scratch.path() / "full", 0600);
  REQUIRE(listener);
  REQUIRE(::listen(listener->number(), 0) == 0);
  std::string last;
  std::vector<Descriptor> kept;
  while (last.empty() && kept.size() < 10) {
    auto socket = fixture.loop.run_until(fixture.sockets.connect("full", 100ms));
    if (socket) kept.push_back(*std::move(socket));
    last = socket ? "" : socket.error().text();
  }
  CHECK(last == "Connection timed out");
}
