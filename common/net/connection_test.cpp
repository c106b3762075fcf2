#include "common/net/connection.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/net/stream.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

Task<std::vector<std::string>> lines(Connection& connection, std::size_t max) {
  std::vector<std::string> out;
  try {
    for (;;) {
      auto line = co_await connection.line(max);
      std::string text(line.text);
      if (line.is_too_long) text += "|long";
      if (!line.has_crlf) text += "|lf";
      out.push_back(text);
    }
  } catch (const Disconnected& end) {
    out.push_back(end.text());
  }
  co_return out;
}

}  // namespace

TEST_CASE("lines come out whole, bare LF and too long ones marked") {
  for (std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    CAPTURE(piece);
    Loop loop;
    auto [server, client] = memory_streams(loop);
    Connection connection(loop, std::move(server), 1000ms);
    struct Feed {
      static Task<std::vector<std::string>> run(Connection& to, Stream& from, std::size_t piece) {
        std::string_view bytes =
            "EHLO x\r\nbare\n\r\n12345678\r\n123456789\r\n12345678901234567890123\r\nQUIT\r\n";
        feed(bytes, from, piece);
        co_return co_await lines(to, 8);
      }
      static void feed(std::string_view bytes, Stream& from, std::size_t piece) {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
          from.try_write(bytes.substr(0, piece));
        }
        from.shut_down();
      }
    };
    auto got = loop.run_until(Feed::run(connection, *client, piece));
    CHECK(got == std::vector<std::string>{"EHLO x", "bare|lf", "", "12345678", "12345678|long",
                                          "12345678|long", "QUIT", "lost connection"});
  }
}

TEST_CASE("a silent peer is dropped at the timeout") {
  Loop loop;
  auto [server, client] = memory_streams(loop);
  Connection connection(loop, std::move(server), 5ms);
  CHECK(loop.run_until(lines(connection, 8)) == std::vector<std::string>{"timeout"});
}

TEST_CASE("gathered output is sent before waiting for input") {
  Loop loop;
  auto [server, client] = memory_streams(loop);
  Connection connection(loop, std::move(server), 5ms);
  connection.put("220 hello\r\n");
  loop.run_until(lines(connection, 8));
  char bytes[32];
  auto count = client->try_read(bytes);
  CHECK(std::string(bytes, count.value_or(0)) == "220 hello\r\n");
}

TEST_CASE("who hangs up waits until the peer does, whatever that still says, but not for ever") {
  struct Peer {
    static Task<> talk(Loop& loop, Stream& stream, bool& has_closed) {
      for (int i = 0; i < 3; ++i) {
        stream.try_write("late\r\n");
        co_await loop.sleep(2ms);
      }
      has_closed = true;
      stream.shut_down();
    }
  };
  Loop loop;
  auto [server, client] = memory_streams(loop);
  Connection connection(loop, std::move(server), 1000ms);
  connection.put("221 bye\r\n");
  bool has_closed = false;
  Nursery peer(loop);
  peer.start(Peer::talk(loop, *client, has_closed));
  loop.run_until(connection.hang_up(60'000ms));
  CHECK(has_closed);
  char bytes[32];
  auto count = client->try_read(bytes);
  CHECK(std::string(bytes, count.value_or(0)) == "221 bye\r\n");

  auto [silent_server, silent_client] = memory_streams(loop);
  Connection to_silent(loop, std::move(silent_server), 1000ms);
  loop.run_until(to_silent.hang_up(5ms));
  CHECK(silent_client->discard_input() == Stream::Input::Over);
}

TEST_CASE("to part from who has asked for it waits for nothing, but for what came behind that") {
  Loop loop;
  auto [server, client] = memory_streams(loop);
  Connection connection(loop, std::move(server), 1000ms);
  connection.put("221 bye\r\n");
  auto begun = std::chrono::steady_clock::now();
  loop.run_until(connection.part(60'000ms));
  CHECK(std::chrono::steady_clock::now() - begun < 30s);
  char bytes[32];
  auto count = client->try_read(bytes);
  CHECK(std::string(bytes, count.value_or(0)) == "221 bye\r\n");
  CHECK(client->discard_input() == Stream::Input::Over);

  auto [other_server, talker] = memory_streams(loop);
  Connection to_talker(loop, std::move(other_server), 1000ms);
  talker->try_write("NOOP\r\n");
  bool is_over = false;
  auto part = [](Connection& from, bool& over) -> Task<> {
    co_await from.part(60'000ms);
    over = true;
  };
  Nursery parting(loop);
  parting.start(part(to_talker, is_over));
  auto wait = [](Loop& on) -> Task<> { co_await on.sleep(5ms); };
  loop.run_until(wait(loop));
  CHECK_FALSE(is_over);
  talker->shut_down();
  loop.run_until(parting.join());
  CHECK(is_over);
}

TEST_CASE(
    "two tasks that write to a slow peer write one after the other, and each its whole text") {
  constexpr std::size_t much = 3'000'000;  // more than a socket takes
  struct Writer {
    static Task<> run(Connection& to, char letter, int& running) {
      std::string text(much, letter);
      co_await to.write(text);
      to.put(std::string(10, letter));
      co_await to.flush();
      if (--running == 0) to.stream().shut_down();
    }
  };
  Loop loop;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  Connection server(loop, Socket::adopted(loop, Descriptor(ends[0])), 60'000ms);
  Connection client(loop, Socket::adopted(loop, Descriptor(ends[1])), 60'000ms);
  int running = 2;
  Nursery writers(loop);
  writers.start(Writer::run(server, 'a', running));
  writers.start(Writer::run(server, 'b', running));
  struct Reader {
    static Task<std::string> run(Connection& from) {
      std::string got;
      try {
        for (;;) {
          co_await from.fill();
          got += from.take_input();
        }
      } catch (const Disconnected&) {
      }
      co_return got;
    }
  };
  auto got = loop.run_until(Reader::run(client));
  loop.run_until(writers.join());
  REQUIRE(got.size() == 2 * (much + 10));
  auto first_b = got.find('b');
  CHECK(first_b >= much);
  CHECK(got.find_first_not_of('b', first_b) - first_b >= much);
}
