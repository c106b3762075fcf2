#include "imapd/grammar/filter.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("FILTER names a script, and messages as SEARCH does") {
  auto delivery = parse_filter(" SIEVE DELIVERY UNSEEN FROM \"ann\"", Limits());
  REQUIRE(delivery);
  CHECK(delivery->kind == FilterRequest::Kind::Delivery);
  CHECK(delivery->search.key.children.size() == 2);
  auto personal = parse_filter(" sieve personal \"My rules\" CHARSET utf-8 ALL", Limits());
  REQUIRE(personal);
  CHECK(personal->kind == FilterRequest::Kind::Personal);
  CHECK(personal->text == "My rules");
  CHECK(personal->search.charset == "UTF-8");
  auto global = parse_filter(" SIEVE GLOBAL spam 1:3", Limits());
  REQUIRE(global);
  CHECK(global->kind == FilterRequest::Kind::Global);
  CHECK(global->search.uses_numbers);
  auto script = parse_filter(" SIEVE SCRIPT {10+}\r\n\"discard;\" ALL", Limits());
  REQUIRE(script);
  CHECK(script->kind == FilterRequest::Kind::Script);
  CHECK(script->text == "\"discard;\"");
}

TEST_CASE("what FILTER does not know is told") {
  for (const char* wrong :
       {"", " ALL", " PERL DELIVERY ALL", " SIEVE ALL", " SIEVE PERSONAL ALL", " SIEVE DELIVERY",
        " SIEVE SCRIPT discard ALL", " SIEVE DELIVERY ALL ALLES"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_filter(wrong, Limits()));
  }
}
