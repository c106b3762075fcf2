#include "common/net/stream.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

#include "common/net/listener.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

/// Both ends of a TCP connection on loopback.
struct Ends {
  Ends() {
    auto listening = listen_tcp(Endpoint(*IpAddress::parse("127.0.0.1"), 0));
    REQUIRE(listening);
    Listener listener(*std::move(listening));
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
    auto to = Endpoint::from(address);
    auto connected = loop.run_until(Socket::connect(loop, to, 5000ms, std::nullopt));
    REQUIRE(connected);
    client = *std::move(connected);
    server = loop.run_until(listener.accept(loop));
  }
  /// What the client has got by now; "" when that is nothing, "EOF" at the end.
  std::string received() {
    char bytes[100];
    auto count = recv(client->descriptor(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0) return "EOF";
    return std::string(bytes, count > 0 ? static_cast<std::size_t>(count) : 0);
  }

  Loop loop;
  std::unique_ptr<Socket> client;
  std::unique_ptr<Socket> server;
};

}  // namespace

TEST_CASE("an accepted socket knows its peer, and does not wait to fill its packets") {
  Ends ends;
  CHECK(ends.server->peer().text() == ends.client->local().text());
  CHECK(ends.server->local().text() == ends.client->peer().text());
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  getsockopt(ends.server->descriptor(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  CHECK(no_delay == 1);
  int quick = 1;
  getsockopt(ends.server->descriptor(), IPPROTO_TCP, TCP_QUICKACK, &quick, &size);
  CHECK(quick == 0);
}

TEST_CASE("what came before an accepted socket is read from is there when its wait ends") {
  Ends ends;
  CHECK(ends.client->try_write("EHLO x") == 6);
  char bytes[100];
  CHECK_FALSE(ends.server->try_read(bytes));  // nobody has waited
  auto until = std::chrono::steady_clock::now() + 5s;
  CHECK(ends.loop.run_until(ends.server->wait(Poll::Event::Readable, until)));
  CHECK(ends.server->try_read(bytes) == 6);
}

TEST_CASE("last words leave together with the end") {
  Ends ends;
  CHECK(ends.server->try_write("250 Ok") == 6);
  CHECK(ends.received() == "250 Ok");
  ends.server->hold_back();
  CHECK(ends.server->try_write("221 Bye") == 7);
  CHECK(ends.received() == "");
  ends.server->shut_down();
  CHECK(ends.received() == "221 Bye");
  CHECK(ends.received() == "EOF");
}
