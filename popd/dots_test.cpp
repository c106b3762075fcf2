#include "popd/dots.h"

#include <doctest/doctest.h>

using namespace pennypost::pop;

namespace {

std::string stuffed(std::string_view message, std::optional<std::uint64_t> lines,
                    std::size_t piece) {
  DotStuffer stuffer(lines);
  std::string out;
  for (std::size_t at = 0; at < message.size(); at += piece) {
    if (!stuffer.add(message.substr(at, piece), out)) break;
  }
  stuffer.finish(out);
  return out;
}

}  // namespace

TEST_CASE("dots at line starts are doubled, however the message is cut into pieces") {
  for (std::size_t piece : {1u, 2u, 3u, 100u}) {
    CAPTURE(piece);
    CHECK(stuffed("A: b\r\n\r\n.x\r\n..\r\na.b\r\n", {}, piece) ==
          "A: b\r\n\r\n..x\r\n...\r\na.b\r\n.\r\n");
    CHECK(stuffed("no end", {}, piece) == "no end\r\n.\r\n");
    CHECK(stuffed("", {}, piece) == ".\r\n");
  }
}

TEST_CASE("TOP gives the header, the empty line and as many lines as asked for") {
  for (std::size_t piece : {1u, 2u, 5u, 100u}) {
    CAPTURE(piece);
    std::string message = "A: b\r\n c\r\n\r\none\r\n\r\nthree\r\n";
    CHECK(stuffed(message, 0, piece) == "A: b\r\n c\r\n\r\n.\r\n");
    CHECK(stuffed(message, 2, piece) == "A: b\r\n c\r\n\r\none\r\n\r\n.\r\n");
    CHECK(stuffed(message, 99, piece) == message + ".\r\n");
  }
}
