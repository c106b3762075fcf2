#include "common/config/server_ref.h"

#include <doctest/doctest.h>

#include <array>

using namespace pennypost;

namespace {

constexpr std::array<std::string_view, 2> options{"default_action", "timeout"};

std::string told(std::string_view text) {
  auto server = ServerRef::parse(text, options);
  return server ? "" : server.error().text();
}

}  // namespace

TEST_CASE("a server is named by its host and port, or by the path of its socket") {
  struct Row {
    const char* text;
    const char* name;
  };
  for (const Row& row :
       {Row{"inet:127.0.0.1:10023", "127.0.0.1:10023"},
        Row{"inet:filter.example:1", "filter.example:1"}, Row{"inet:10023", "localhost:10023"},
        Row{"inet:[::1]:10023", "[::1]:10023"}, Row{"unix:/run/f", "/run/f"},
        Row{" unix:private/f ", "private/f"}}) {
    CAPTURE(row.text);
    auto server = ServerRef::parse(row.text, options);
    REQUIRE(server);
    CHECK(server->name() == row.name);
    CHECK(server->options.empty());
  }
}

TEST_CASE("braces give a server settings of its own, with or without blanks in their values") {
  auto server = ServerRef::parse(
      "{ inet:localhost:7, timeout=10s, { default_action = 451 4.7.1 later } }", options);
  REQUIRE(server);
  CHECK(server->name() == "localhost:7");
  CHECK(server->options.at("timeout") == "10s");
  CHECK(server->options.at("default_action") == "451 4.7.1 later");
}

TEST_CASE("what names no server is refused with what would be right") {
  for (const char* text : {"", "127.0.0.1:1", "inet:", "inet:host:", "inet::1", "inet:a b:1",
                           "inet:host:0", "inet:host:65536", "unix:", "{}", "{ inet:1"}) {
    CAPTURE(text);
    CHECK(told(text).find("; write inet:127.0.0.1:10023 or unix:/run/filter.sock") !=
          std::string::npos);
  }
  CHECK(told("unix:/" + std::string(200, 'x')).find("too long for the path of a socket") !=
        std::string::npos);
  CHECK(told("{ inet:1, timeouts=1 }") ==
        "\"timeouts=1\" is no setting of a server; write one of default_action, timeout, each with "
        "= and its value");
}

TEST_CASE("a filter's place needs no inet: and has no braces") {
  struct Row {
    const char* text;
    const char* name;
  };
  for (const Row& row : {Row{"127.0.0.1:10024", "127.0.0.1:10024"}, Row{"10024", "localhost:10024"},
                         Row{"inet:filter.example:1", "filter.example:1"},
                         Row{" unix:/run/f", "/run/f"}, Row{"[::1]:10024", "[::1]:10024"}}) {
    CAPTURE(row.text);
    auto server = ServerRef::parse_filter(row.text);
    REQUIRE(server);
    CHECK(server->name() == row.name);
  }
  CHECK_FALSE(ServerRef::parse_filter("127.0.0.1"));
  CHECK_FALSE(ServerRef::parse_filter("{ inet:1 }"));
  CHECK_FALSE(ServerRef::parse_filter("unix:"));
}
