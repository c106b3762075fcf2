#include "smtpd/routing/next_hop.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE(
    "a next hop is a domain, or in brackets a host without MX look-up, with or without port") {
  struct Case {
    const char* text;
    const char* host;
    bool looks_up_mx;
    int port;
  };
  for (const Case& row : {Case{"example.com", "example.com", true, 0},
                          Case{"example.com:587", "example.com", true, 587},
                          Case{"[mx.example.com]", "mx.example.com", false, 0},
                          Case{"[mx.example.com]:submission", "mx.example.com", false, 587},
                          Case{"[192.0.2.1]:2025", "192.0.2.1", false, 2025},
                          Case{"[IPv6:2001:db8::1]", "2001:db8::1", false, 0},
                          Case{"[2001:db8::1]:25", "2001:db8::1", false, 25},
                          Case{"m\u00fcller.example:25", "xn--mller-kva.example", true, 25},
                          Case{"192.0.2.1", "192.0.2.1", false, 0}}) {
    CAPTURE(row.text);
    auto hop = NextHop::parse(row.text);
    REQUIRE(hop);
    CHECK(hop->host == row.host);
    CHECK(hop->looks_up_mx == row.looks_up_mx);
    CHECK(hop->port == row.port);
  }
  for (const char* bad : {"", "[", "[]", "a:b", "a:0", "a:70000", "[a]x", ":25"}) {
    CAPTURE(bad);
    auto hop = NextHop::parse(bad);
    REQUIRE_FALSE(hop);
    CHECK(hop.error().is_temporary());
  }
}

TEST_CASE("an LMTP server is a Unix socket, or a host whose MX records do not count") {
  struct Case {
    const char* text;
    const char* socket;
    const char* host;
    int port;
    const char* canonical;
  };
  for (const Case& row :
       {Case{"unix:private/lmtp", "private/lmtp", "", 0, "unix:private/lmtp"},
        Case{"unix:/run/Dovecot/lmtp", "/run/Dovecot/lmtp", "", 0, "unix:/run/Dovecot/lmtp"},
        Case{"inet:lmtp.example.com:24", "", "lmtp.example.com", 24, "[lmtp.example.com]:24"},
        Case{"inet:lmtp.example.com", "", "lmtp.example.com", 0, "[lmtp.example.com]"},
        Case{"inet:[192.0.2.1]:2424", "", "192.0.2.1", 2424, "[192.0.2.1]:2424"},
        Case{"lmtp.example.com:lmtp", "", "lmtp.example.com", 24, "[lmtp.example.com]:24"},
        Case{"[2001:db8::1]", "", "2001:db8::1", 0, "[2001:db8::1]"}}) {
    CAPTURE(row.text);
    auto hop = NextHop::parse_lmtp(row.text);
    REQUIRE(hop);
    CHECK(hop->socket == row.socket);
    CHECK(hop->host == row.host);
    CHECK(hop->port == row.port);
    CHECK_FALSE(hop->looks_up_mx);
    CHECK(hop->text() == row.canonical);
    auto again = NextHop::parse_lmtp(hop->text());
    REQUIRE(again);
    CHECK(again->text() == hop->text());
  }
  for (const char* bad : {"", "unix:", "inet:", "inet:unix:/x", "a:b", "[a", "inet::24"}) {
    CAPTURE(bad);
    auto hop = NextHop::parse_lmtp(bad);
    REQUIRE_FALSE(hop);
    CHECK(hop.error().text().find("expected unix:private/lmtp") != std::string::npos);
  }
}

TEST_CASE("a transport's name and next hop are parted at the first colon") {
  auto transport = TransportName::parse("smtp:[mx.example.com]:587");
  CHECK(transport.name == "smtp");
  CHECK(transport.next_hop == "[mx.example.com]:587");
  CHECK(TransportName::parse("error: local delivery disabled").next_hop ==
        "local delivery disabled");
  CHECK(TransportName::parse(":[h]").name.empty());
  CHECK(TransportName::parse("smtp").next_hop.empty());
}
