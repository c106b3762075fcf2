#include "imapd/session/compressed_stream.h"

#include <doctest/doctest.h>

#include <array>
#include <random>

#include "common/async/nursery.h"
#include "common/net/connection.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

std::string noise(std::size_t octets) {
  std::mt19937 random(1);
  std::string text;
  for (std::size_t i = 0; i < octets; ++i) text += static_cast<char>(random());
  return text;
}

// Writes `text` in pieces, and reads it at the other end.
struct Pair {
  Loop loop;
  std::unique_ptr<Connection> server;
  std::unique_ptr<Connection> client;
  Pair() {
    auto [one, other] = memory_streams(loop);
    server = std::make_unique<Connection>(
        loop, std::make_unique<CompressedStream>(std::move(one), ""), std::chrono::seconds(5));
    client = std::make_unique<Connection>(
        loop, std::make_unique<CompressedStream>(std::move(other), ""), std::chrono::seconds(5));
  }
};

Task<std::string> read(Connection& from, std::size_t octets) {
  std::string all;
  while (all.size() < octets) {
    co_await from.fill();
    all += from.take_input();
  }
  co_return all;
}

}  // namespace

TEST_CASE("what is written compressed is read as it was, however large and in both directions") {
  for (const auto& text : {std::string("a"), std::string(1 << 20, 'x'), noise(300'000)}) {
    Pair pair;
    pair.server->put(text.substr(0, text.size() / 2));
    pair.server->put(text.substr(text.size() / 2));
    auto writing = pair.server->flush();
    auto reading = read(*pair.client, text.size());
    Nursery tasks(pair.loop);
    tasks.start(std::move(writing));
    CHECK(pair.loop.run_until(std::move(reading)) == text);
    pair.client->put("back\r\n");
    auto answering = pair.client->flush();
    pair.loop.run_until(std::move(answering));
    auto line = pair.server->line(100);
    CHECK(pair.loop.run_until(std::move(line)).text == "back");
  }
}

TEST_CASE("a line is there at once, without the end of the conversation") {
  Pair pair;
  pair.server->put("* OK\r\n");
  auto flushing = pair.server->flush();
  pair.loop.run_until(std::move(flushing));
  auto line = pair.client->line(100);
  CHECK(pair.loop.run_until(std::move(line)).text == "* OK");
}

TEST_CASE("text that takes a thousandth when compressed is smaller on the way") {
  Loop loop;
  auto [one, other] = memory_streams(loop);
  CompressedStream stream(std::move(one), "");
  CHECK(stream.try_write(std::string(60'000, 'x')) == 60'000);
  std::array<char, 1000> piece{};
  auto count = other->try_read(piece);
  REQUIRE(count);
  CHECK(*count < 300);
}

TEST_CASE("input that is not compressed ends the conversation") {
  Loop loop;
  auto [one, other] = memory_streams(loop);
  CompressedStream stream(std::move(one), "a1 NOOP\r\n");
  std::array<char, 100> piece{};
  CHECK_THROWS_AS(stream.try_read(piece), Disconnected);
}

TEST_CASE("a client that ends its compression ends the conversation") {
  Loop loop;
  auto [one, other] = memory_streams(loop);
  // The last block, which is empty.
  CompressedStream stream(std::move(one), std::string("\x03\x00", 2));
  std::array<char, 100> piece{};
  CHECK_THROWS_AS(stream.try_read(piece), Disconnected);
}

TEST_CASE("once released, the stream below goes on where the compression ended") {
  Pair pair;
  pair.client->put("last\r\n");
  auto flushing = pair.client->flush();
  pair.loop.run_until(std::move(flushing));
  auto line = pair.server->line(100);
  CHECK(pair.loop.run_until(std::move(line)).text == "last");
  std::string unread;
  for (auto* end : {&pair.server, &pair.client}) {
    auto stream = (*end)->exchange_stream(nullptr);
    (*end)->exchange_stream(static_cast<CompressedStream&>(*stream).release(unread));
    CHECK(unread.empty());
  }
  pair.client->put("plain\r\n");
  auto again = pair.client->flush();
  pair.loop.run_until(std::move(again));
  auto next = pair.server->line(100);
  CHECK(pair.loop.run_until(std::move(next)).text == "plain");
}

TEST_CASE("a small piece of what came is taken at a time, and the rest is there without waiting") {
  Loop loop;
  auto [one, other] = memory_streams(loop);
  CompressedStream writer(std::move(one), "");
  CompressedStream reader(std::move(other), "");
  // No more is compressed ahead of a client that does not read.
  CHECK(writer.try_write(std::string(1 << 20, 'x')) == 64 << 10);
  std::string all;
  std::array<char, 1000> piece{};
  for (auto count = reader.try_read(piece); count; count = reader.try_read(piece)) {
    all.append(piece.data(), *count);
    if (all.size() == 64 << 10) break;
    CHECK(loop.run_until(reader.wait(Poll::Event::Readable, loop.now())));
  }
  CHECK(all == std::string(64 << 10, 'x'));
}

TEST_CASE("what the input tells already is read without more input, however small the pieces") {
  Loop loop;
  auto [one, other] = memory_streams(loop);
  CompressedStream writer(std::move(one), "");
  REQUIRE(writer.try_write(std::string(5000, 'x')) == 5000);
  std::string compressed(1000, '\0');
  compressed.resize(*other->try_read(compressed));
  for (std::size_t octets = 1; octets < compressed.size(); ++octets) {
    CAPTURE(octets);
    auto read_by = [&](std::size_t size) {
      auto [near, far] = memory_streams(loop);
      CompressedStream reader(std::move(near), compressed.substr(0, octets));
      std::string piece(size, '\0');
      std::size_t sum = 0;
      while (auto count = reader.try_read(piece)) sum += *count;
      return sum;
    };
    CHECK(read_by(1) == read_by(10'000));
  }
}
