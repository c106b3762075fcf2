#include "common/config/screen_settings.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("a DNS list has a zone, the replies that count, and a weight") {
  auto plain = DnsblSite::parse("bl.example.org");
  REQUIRE(plain);
  CHECK(plain->zone == "bl.example.org");
  CHECK_FALSE(plain->replies);
  CHECK(plain->weight == 1);

  auto heavy = DnsblSite::parse("BL.example.org=127.0.0.[2;4..6]*3");
  REQUIRE(heavy);
  CHECK(heavy->zone == "bl.example.org");
  REQUIRE(heavy->replies);
  CHECK(heavy->replies->matches("127.0.0.5"));
  CHECK_FALSE(heavy->replies->matches("127.0.0.3"));
  CHECK(heavy->weight == 3);

  auto good = DnsblSite::parse("wl.example.org*-2");
  REQUIRE(good);
  CHECK(good->weight == -2);
}

TEST_CASE("a DNS list that is written wrongly is told of with what would be right") {
  struct Row {
    const char* text;
    const char* problem;
  };
  for (const Row& row :
       {Row{"bl.example.org*x",
            "\"bl.example.org*x\" has no number behind the *; write a weight such as 2 or -1, at "
            "most 1000000"},
        Row{"bl.example.org*1000001",
            "\"bl.example.org*1000001\" has no number behind the *; write a weight such as 2 or "
            "-1, at most 1000000"},
        Row{"*2",
            "\"*2\" does not begin with a domain; write one such as "
            "bl.example.org=127.0.0.2*2"},
        Row{"[192.0.2.1]",
            "\"[192.0.2.1]\" does not begin with a domain; write one such as "
            "bl.example.org=127.0.0.2*2"}}) {
    CAPTURE(row.text);
    auto site = DnsblSite::parse(row.text);
    REQUIRE_FALSE(site);
    CHECK(site.error().text() == row.problem);
  }
  auto pattern = DnsblSite::parse("bl.example.org=127.0.0.256");
  REQUIRE_FALSE(pattern);
  CHECK(pattern.error().text().ends_with(
      "; write the replies that count as 127.0.0.2 or 127.0.0.[2;4..6]"));
}

TEST_CASE("the access list of tests knows networks, verdicts and tables") {
  using Kind = ScreenRule::Kind;
  CHECK(ScreenRule::parse("permit_mynetworks")->kind == Kind::MyNetworks);
  CHECK(ScreenRule::parse("permit")->kind == Kind::Permit);
  CHECK(ScreenRule::parse("reject")->kind == Kind::Reject);
  auto table = ScreenRule::parse("cidr:/etc/access");
  REQUIRE(table);
  CHECK(table->kind == Kind::Table);
  CHECK(table->table.text() == "cidr:/etc/access");
  auto wrong = ScreenRule::parse("permit_sasl_authenticated");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().text() ==
        "\"permit_sasl_authenticated\" is none of: permit_mynetworks, permit, reject, or a table "
        "such as cidr:/path");
}

TEST_CASE("clients may pass on all addresses of this host but the exceptions") {
  auto interfaces = parse_screen_interfaces({"!192.0.2.2", "static:all"});
  REQUIRE(interfaces);
  CHECK(interfaces->contains(*IpAddress::parse("192.0.2.1")));
  CHECK(interfaces->contains(*IpAddress::parse("2001:db8::1")));
  CHECK_FALSE(interfaces->contains(*IpAddress::parse("192.0.2.2")));
  auto wrong = parse_screen_interfaces({"eth0"});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().text() ==
        "\"eth0\" is no address of this host; write 192.0.2.1, !192.0.2.2 or static:all");
}
