#include "common/mail/status.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("xtext decodes what it encodes, and refuses what it would not write") {
  CHECK(xtext_decode("ann+2Bx@b.example") == "ann+x@b.example");
  CHECK(xtext_encode("ann+x=y \x01") == "ann+2Bx+3Dy+20+01");
  CHECK(xtext_decode(xtext_encode("a b\xff+")) == "a b\xff+");
  for (const char* text : {"+", "+2", "+2b", "+XY", "a=b", "a b", "\xc3\xa9", "a\x7f"}) {
    CAPTURE(text);
    CHECK_FALSE(xtext_decode(text).has_value());
  }
  CHECK(xtext_decode("\xc3\xa9", Utf8::Allowed) == "\xc3\xa9");
}

TEST_CASE("NOTIFY is NEVER alone or a list without repeats") {
  CHECK(DsnNotify::parse("never")->text() == "NEVER");
  CHECK(DsnNotify::parse("Delay,SUCCESS")->text() == "SUCCESS,DELAY");
  for (const char* text : {"", "NEVER,DELAY", "DELAY,DELAY", "SUCCESS,", "X", "SUCCESS, DELAY"}) {
    CAPTURE(text);
    CHECK_FALSE(DsnNotify::parse(text));
  }
  CHECK(DsnNotify{}.wants(DsnAction::Failed));
  CHECK(DsnNotify{}.wants(DsnAction::Delayed));
  CHECK_FALSE(DsnNotify{}.wants(DsnAction::Delivered));
  CHECK_FALSE(DsnNotify::parse("NEVER")->wants(DsnAction::Failed));
  CHECK_FALSE(DsnNotify::parse("SUCCESS")->wants(DsnAction::Failed));
  CHECK(DsnNotify::parse("SUCCESS")->wants(DsnAction::Expanded));
}

TEST_CASE("ORCPT keeps its address over every kind of hop") {
  struct Row {
    const char* parameter;
    const char* address;
    const char* to_ascii_hop;
    const char* in_report;
  };
  const Row rows[] = {
      {"rfc822;ann+2Bx@b.example", "ann+x@b.example", "rfc822;ann+2Bx@b.example",
       "rfc822; ann+x@b.example"},
      {"utf-8;j\xc3\xb6@b.example", "j\xc3\xb6@b.example", "utf-8;j\\x{F6}@b.example",
       "utf-8; j\\x{F6}@b.example"},
      {"utf-8;j\\x{F6}\\x{2B}\\x{1F600}@b.example", "j\xc3\xb6+\xf0\x9f\x98\x80@b.example",
       "utf-8;j\\x{F6}\\x{2B}\\x{1F600}@b.example", "utf-8; j\\x{F6}\\x{2B}\\x{1F600}@b.example"},
      {"x400;abc", "abc", "x400;abc", "x400; abc"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.parameter);
    auto parsed = OriginalRecipient::parse(row.parameter, Utf8::Allowed);
    REQUIRE(parsed);
    CHECK(parsed->address == row.address);
    CHECK(parsed->parameter(Utf8::Refused) == row.to_ascii_hop);
    CHECK(parsed->field(Utf8::Refused) == row.in_report);
    CHECK(*OriginalRecipient::parse(parsed->parameter(Utf8::Refused)) == *parsed);
    CHECK(*OriginalRecipient::parse(parsed->parameter(Utf8::Allowed), Utf8::Allowed) == *parsed);
  }
  for (const char* text :
       {"", "ann@b", ";ann", "rfc822;", "rfc822;a+0Ab", "utf-8;\\x{D800}", "utf-8;\\x{110000}",
        "utf-8;\\x{F6", "utf-8;\\y", "r c;a", "rfc822;\xc3\xb6"}) {
    CAPTURE(text);
    CHECK_FALSE(OriginalRecipient::parse(text));
  }
}
