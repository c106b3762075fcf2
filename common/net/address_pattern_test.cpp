#include "common/net/address_pattern.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a pattern of addresses holds what its lists and ranges name, and nothing else") {
  auto pattern = AddressPattern::parse("127.0.[0..1].[2;4..6]");
  REQUIRE(pattern);
  for (const char* in : {"127.0.0.2", "127.0.1.4", "127.0.0.5", "127.0.0.6"}) {
    CAPTURE(in);
    CHECK(pattern->matches(in));
  }
  for (const char* out :
       {"127.0.0.3", "127.0.2.2", "127.1.0.2", "127.0.0.7", "127.0.0", "::1", ""}) {
    CAPTURE(out);
    CHECK(!pattern->matches(out));
  }
  CHECK(AddressPattern::parse("127.0.0.2")->matches("127.0.0.2"));
}

TEST_CASE("what is no pattern of addresses is refused with an example of one") {
  for (const char* text :
       {"", "127.0.0", "127.0.0.256", "127.0.0.[2", "127.0.0.2]", "127.0.0.[4..2]", "127.0.0.[]",
        "127.0.0.[1;]", "a.b.c.d", "127.0.0.1.2"}) {
    CAPTURE(text);
    auto pattern = AddressPattern::parse(text);
    REQUIRE(!pattern);
    CHECK(pattern.error().text().ends_with("write 127.0.0.2 or 127.0.0.[2;4..6]"));
  }
}
