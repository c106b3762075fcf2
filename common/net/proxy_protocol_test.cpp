#include "common/net/proxy_protocol.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

std::string shown(const ProxyHeader& header) {
  if (header.is_local) return "local " + std::to_string(header.bytes);
  return header.client.text() + " " + header.server.text() + " " + std::to_string(header.bytes);
}

std::string binary(unsigned char command, unsigned char family, std::string_view body) {
  std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += '\0';
  bytes += static_cast<char>(body.size());
  return bytes + std::string(body);
}

}  // namespace

TEST_CASE("both versions of the PROXY header name client and server, and nothing is read beyond") {
  std::string ip4("\xc0\x00\x02\x07\xc0\x00\x02\x01\x12\x67\x00\x19", 12);
  std::string ip6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x07" +
                    std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                    std::string("\x12\x67\x00\x19", 4);
  struct Case {
    std::string bytes;
    std::string expected;
  };
  for (const Case& one : {
           Case{"PROXY TCP4 192.0.2.7 192.0.2.1 4711 25\r\n", "192.0.2.7:4711 192.0.2.1:25 40"},
           Case{"PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n",
                "[2001:db8::7]:4711 [2001:db8::1]:25 44"},
           Case{"PROXY UNKNOWN\r\n", "local 15"},
           Case{binary(0x21, 0x11, ip4), "192.0.2.7:4711 192.0.2.1:25 28"},
           Case{binary(0x21, 0x11, ip4 + "tlvs"), "192.0.2.7:4711 192.0.2.1:25 32"},
           Case{binary(0x21, 0x21, ip6), "[2001:db8::7]:4711 [2001:db8::1]:25 52"},
           Case{binary(0x20, 0x00, ""), "local 16"},
       }) {
    CAPTURE(one.expected);
    auto whole = parse_proxy_header(one.bytes + "EHLO x\r\n");
    REQUIRE(whole);
    REQUIRE(whole->has_value());
    CHECK(shown(**whole) == one.expected);
    for (std::size_t i = 0; i < one.bytes.size(); ++i) {
      auto part = parse_proxy_header(std::string_view(one.bytes).substr(0, i));
      REQUIRE(part);
      CHECK_FALSE(part->has_value());
    }
  }
}

TEST_CASE("what is no PROXY header is refused as soon as it can't become one") {
  for (std::string bytes :
       {std::string("EHLO x\r\n"), std::string("PROXY TCP4 a b 1 2\r\n"),
        std::string("PROXY TCP4 192.0.2.7 192.0.2.1 4711 99999\r\n"),
        "PROXY " + std::string(200, 'x'), binary(0x21, 0x11, "short"), binary(0x31, 0x11, "x")}) {
    CAPTURE(bytes);
    CHECK_FALSE(parse_proxy_header(bytes));
  }
}

TEST_CASE("a line of version 1 is malformed when it is too long, though it came at once") {
  std::string line = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  REQUIRE(line.size() == 107);
  auto header = parse_proxy_header(line);
  REQUIRE(header);
  CHECK((*header)->bytes == 107);
  line.insert(20, "x");
  CHECK_FALSE(parse_proxy_header(line));
}
