#include "common/net/trace.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>

using namespace pennypost;

namespace {

/// A watcher's end of the socket.
class Watcher {
 public:
  Watcher() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    ours_ = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
  }
  /// What follows the address in each line so far: `ann C: NOOP`.
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::array<char, 4096> bytes{};
    for (;;) {
      auto count = ::recv(ours_.number(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (count <= 0) return all;
      std::string line(bytes.data(), static_cast<std::size_t>(count));
      auto address = line.find(" 192.0.2.");
      all.push_back(address == line.npos ? line : line.substr(line.find(' ', address + 1) + 1));
    }
  }
  void go() { ours_.close(); }
  Descriptor theirs;

 private:
  Descriptor ours_;
};

struct Dialogue {
  Dialogue() {
    auto [mine, theirs] = memory_streams(loop);
    peer = std::move(theirs);
    connection = std::make_unique<Connection>(loop, std::move(mine), Duration(1000));
  }
  Loop loop;
  std::unique_ptr<Stream> peer;
  std::unique_ptr<Connection> connection;
};

const TracedSession of_ann{"imapd", "192.0.2.8", "ann"};
const TracedSession of_bob{"imapd", "192.0.2.9", "bob"};
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("who watches a user sees that user's commands and answers, and nobody else's") {
  TraceDesk desk;
  Dialogue ann;
  Dialogue bob;
  SessionTrace trace_of_ann(&desk, *ann.connection);
  SessionTrace trace_of_bob(&desk, *bob.connection);
  CHECK_FALSE(trace_of_ann.is_asked());
  Watcher watcher;
  desk.add({1, "", "ann"}, std::move(watcher.theirs));
  REQUIRE(trace_of_ann.is_asked());
  trace_of_ann.hear(of_ann, "a1 NOOP");
  ann.connection->put("a1 OK\r\n* half");
  trace_of_bob.hear(of_bob, "b1 NOOP");
  bob.connection->put("b1 OK\r\n");
  ann.connection->put(" a line\r\n");
  CHECK(watcher.lines() == Lines{"ann C: a1 NOOP", "ann S: a1 OK", "ann S: * half a line"});
  desk.remove(1);
  CHECK_FALSE(trace_of_ann.is_asked());
  ann.connection->put("unseen\r\n");
  CHECK(watcher.lines().empty());
}

TEST_CASE("a client is watched by its address, a user of it by both") {
  TraceDesk desk;
  Watcher watcher;
  desk.add({1, "192.0.2.8", "ann"}, std::move(watcher.theirs));
  CHECK(desk.is_watched(of_ann));
  CHECK(desk.is_watched({"popd", "192.0.2.8", "ANN"}));
  CHECK_FALSE(desk.is_watched({"popd", "192.0.2.8", ""}));
  CHECK_FALSE(desk.is_watched({"popd", "192.0.2.9", "ann"}));
}

TEST_CASE(
    "a server is watched by its name, its address and the domain that led to it, and not as a "
    "client") {
  const TracedServer server{
      "smtp", "mx.example.net[192.0.2.8]:25", "", "mx.example.net", "192.0.2.8", "example.net"};
  for (const char* destination : {"mx.example.net", "192.0.2.8", "EXAMPLE.NET"}) {
    TraceDesk desk;
    Watcher watcher;
    desk.add({1, "", "", destination}, std::move(watcher.theirs));
    CHECK(desk.is_server_watched(server));
    CHECK_FALSE(desk.is_watched(of_ann));
    desk.show_server(server, 'C', "EHLO x");
    auto lines = watcher.lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].ends_with(" mx.example.net[192.0.2.8]:25 - C: EHLO x"));
  }
  TraceDesk desk;
  Watcher watcher;
  desk.add({1, "192.0.2.8", "ann", "elsewhere.example"}, std::move(watcher.theirs));
  CHECK(desk.is_watched(of_ann));
  CHECK_FALSE(desk.is_server_watched(server));
}

TEST_CASE("of a long answer the beginning is shown, and how much is left out") {
  TraceDesk desk;
  Dialogue ann;
  SessionTrace trace(&desk, *ann.connection);
  Watcher watcher;
  desk.add({1, "192.0.2.8", ""}, std::move(watcher.theirs));
  trace.hear(of_ann, "RETR 1");
  for (int i = 0; i < 100; ++i) ann.connection->put(std::string(98, 'x') + "\r\n");
  trace.hear(of_ann, "NOOP");
  auto lines = watcher.lines();
  REQUIRE(lines.size() > 10);
  CHECK(lines.size() < 50);
  CHECK(lines[lines.size() - 2].starts_with("ann S: (and "));
  CHECK(lines.back() == "ann C: NOOP");
  ann.connection->put(std::string(100'000, 'y') + "\r\n");
  trace.hear(of_ann, "NOOP");
  lines = watcher.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].size() < TraceDesk::line_bytes_max + 100);
}

TEST_CASE(
    "a watcher who reads nothing costs lines, which are counted, and one who is gone nothing") {
  TraceDesk desk;
  Watcher watcher;
  desk.add({1, "192.0.2.8", ""}, std::move(watcher.theirs));
  for (int i = 0; i < 10'000; ++i) desk.show(of_ann, 'C', "NOOP");
  auto kept = watcher.lines().size();
  CHECK(kept > 10);
  CHECK(kept < 10'000);
  desk.show(of_ann, 'C', "QUIT");
  CHECK(watcher.lines() ==
        Lines{"(" + std::to_string(10'000 - kept) + " lines are lost: they came too fast)",
              "ann C: QUIT"});
  watcher.go();
  desk.show(of_ann, 'C', "NOOP");
  CHECK_FALSE(desk.any());
}
