#include "smtpd/inbound/forwarded.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("XCLIENT says who a client is, in xtext") {
  auto said = Forwarded::parse_xclient(
      "NAME=spike.example.org addr=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=a+20b LOGIN=ann+40x "
      "REVERSE_NAME=[UNAVAILABLE] DESTADDR=IPV6:2001:db8::1 DESTPORT=25");
  REQUIRE(said);
  CHECK(said->name->text == "spike.example.org");
  CHECK((*said->address)->text() == "192.0.2.7");
  CHECK(said->port == 4711);
  CHECK(said->is_extended == true);
  CHECK(said->helo->text == "a b");
  CHECK(said->login->text == "ann@x");
  CHECK(said->reverse_name->name() == "unknown");
  CHECK(said->server_address->text() == "2001:db8::1");
  CHECK(said->server_port == 25);

  said = Forwarded::parse_xclient("NAME=[TEMPUNAVAIL] ADDR=[UNAVAILABLE] LOGIN=[UNAVAILABLE]");
  REQUIRE(said);
  CHECK(said->name->is_temporary);
  CHECK(said->name->text.empty());
  CHECK(said->address.has_value());
  CHECK(!said->address->has_value());
  CHECK(said->login->text.empty());
  CHECK(!said->helo);
}

TEST_CASE("XFORWARD says whose mail it was, piece by piece") {
  auto said = Forwarded::parse_xforward("NAME=a.example ADDR=IPV6:2001:db8::2 SOURCE=LOCAL");
  REQUIRE(said);
  auto more = Forwarded::parse_xforward("IDENT=4Zk2Qn1 PROTO=SMTP NAME=b.example");
  REQUIRE(more);
  said->merge(*std::move(more));
  CHECK(said->name->text == "b.example");
  CHECK((*said->address)->text() == "2001:db8::2");
  CHECK(said->is_local == true);
  CHECK(said->ident->text == "4Zk2Qn1");
  CHECK(said->is_extended == false);
}

TEST_CASE("what is malformed in XCLIENT and XFORWARD is refused and named") {
  struct Row {
    const char* arguments;
    const char* text;
  };
  for (const Row& row : {
           Row{"", "Syntax: XCLIENT attribute=value..."},
           Row{"NAME", "Syntax: XCLIENT attribute=value..."},
           Row{"IDENT=x", "Bad XCLIENT attribute name: IDENT"},
           Row{"NAME=a..b", "Bad NAME value: a..b"},
           Row{"NAME=[192.0.2.1]", "Bad NAME value: [192.0.2.1]"},
           Row{"ADDR=192.0.2", "Bad ADDR value: 192.0.2"},
           Row{"ADDR=2001:db8::1", "Bad ADDR value: 2001:db8::1"},
           Row{"ADDR=IPV6:192.0.2.1", "Bad ADDR value: IPV6:192.0.2.1"},
           Row{"PORT=65536", "Bad PORT value: 65536"},
           Row{"PROTO=LMTP", "Bad PROTO value: LMTP"},
           Row{"HELO=+4", "Bad HELO value: +4"},
       }) {
    CAPTURE(row.arguments);
    auto said = Forwarded::parse_xclient(row.arguments);
    REQUIRE(!said);
    CHECK(said.error().code() == 501);
    CHECK(said.error().text() == row.text);
  }
  CHECK(Forwarded::parse_xforward("LOGIN=ann").error().text() ==
        "Bad XFORWARD attribute name: LOGIN");
  CHECK(!Forwarded::parse_xclient("HELO=" + std::string(256, 'x')));
  std::string many;
  for (int i = 0; i < 21; ++i) many += "PORT=1 ";
  CHECK(!Forwarded::parse_xclient(many));
}
