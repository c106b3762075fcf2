#include "common/net/host_port.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a server is named by address and port, a port alone means this host") {
  struct Row {
    const char* text;
    const char* endpoint;
  };
  for (const auto& row :
       {Row{"127.0.0.1:10024", "127.0.0.1:10024"}, Row{"inet:192.0.2.1:25", "192.0.2.1:25"},
        Row{"[2001:db8::1]:26", "[2001:db8::1]:26"}, Row{"localhost:10025", "127.0.0.1:10025"},
        Row{" 10024 ", "127.0.0.1:10024"}}) {
    CAPTURE(row.text);
    auto parsed = parse_host_port(row.text);
    REQUIRE(parsed);
    CHECK(parsed->text() == row.endpoint);
  }
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "filter.example:10024",
                          "unix:/run/filter", "127.0.0.1:x"}) {
    CAPTURE(bad);
    auto parsed = parse_host_port(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text().find("such as 127.0.0.1:10024") != std::string::npos);
  }
}
