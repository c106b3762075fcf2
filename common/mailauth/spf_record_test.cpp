#include "common/mailauth/spf_record.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

bool parses(std::string_view terms) {
  return static_cast<bool>(SpfRecord::parse("v=spf1 " + std::string(terms)));
}

}  // namespace

TEST_CASE("a record begins with its version, in any case, before a blank or the end") {
  CHECK(SpfRecord::is_one("v=spf1"));
  CHECK(SpfRecord::is_one("V=SPF1 -all"));
  for (std::string_view text : {"v=spf10", "v=spf1-all", " v=spf1", "v=spf2.0/pra", "", "v=spf"}) {
    CHECK(!SpfRecord::is_one(text));
  }
}

TEST_CASE("a record's terms are read with qualifiers, domains and prefixes") {
  auto record = SpfRecord::parse(
      "v=spf1 +A -mx:m.example/24//64 ~Ip4:192.0.2.1/24 ?ip6:2001:db8::/32 include:%{d}.example "
      "exists:%{i}._s.example ptr a//0 exp=e.example unknown=%{d} redirect=_r.example  ");
  REQUIRE(record);
  REQUIRE(record->terms.size() == 8);
  const auto& terms = record->terms;
  CHECK(terms[0].mechanism == SpfMechanism::A);
  CHECK(terms[0].result == SpfStatus::Pass);
  CHECK(terms[0].domain == "");
  CHECK(terms[1].mechanism == SpfMechanism::Mx);
  CHECK(terms[1].result == SpfStatus::Fail);
  CHECK(terms[1].domain == "m.example");
  CHECK(terms[1].prefix4 == 24);
  CHECK(terms[1].prefix6 == 64);
  CHECK(terms[2].result == SpfStatus::SoftFail);
  CHECK(terms[2].network->contains(*IpAddress::parse("192.0.2.99")));
  CHECK(terms[3].result == SpfStatus::Neutral);
  CHECK(terms[3].network->contains(*IpAddress::parse("2001:db8:1::1")));
  CHECK(terms[4].domain == "%{d}.example");
  CHECK(terms[6].mechanism == SpfMechanism::Ptr);
  CHECK(terms[7].prefix4 == 32);
  CHECK(terms[7].prefix6 == 0);
  CHECK(record->redirect == "_r.example");
  CHECK(record->explanation == "e.example");
}

TEST_CASE("a malformed term anywhere makes the whole record an error that names it") {
  CHECK(SpfRecord::parse("v=spf1 +all ip4:1.2.3").error().text() ==
        "malformed SPF term: ip4:1.2.3");
  for (std::string_view terms : {"all:x.example",
                                 "all/8",
                                 "al",
                                 "-",
                                 "a:",
                                 "a:example",
                                 "a/33",
                                 "a/024",
                                 "a//129",
                                 "a/-1",
                                 "a/",
                                 "a:x.example/",
                                 "mx:x.123",
                                 "include",
                                 "include:",
                                 "include:x.example/24",
                                 "ptr:",
                                 "ptr/0",
                                 "exists",
                                 "exists:",
                                 "ip4",
                                 "ip4:",
                                 "ip4:1.2.3.4/33",
                                 "ip4:1.2.3.4//24",
                                 "ip4:1.2.3.4.5",
                                 "ip4:[1.2.3.4]",
                                 "ip4:2001:db8::1",
                                 "ip6:1.2.3.4",
                                 "ip6:2001:db8::1/129",
                                 "ip6:g::1",
                                 "redirect=",
                                 "redirect=a.example redirect=b.example",
                                 "exp=",
                                 "exp=%{c}.b",
                                 "exp=a.b exp=a.b",
                                 "x=%",
                                 "=x",
                                 "1x=y",
                                 "-x=y",
                                 "a\tmx",
                                 "caf\xe9",
                                 "a:b\x01.example",
                                 "redirect:a.example"}) {
    CAPTURE(terms);
    CHECK(!parses(terms));
  }
  CHECK(parses("x.y-z_1=a:b/%{d}"));
  CHECK(parses("moo.cow=%%"));
  CHECK(!parses(std::string(spf_record_bytes_max, ' ')));
}
