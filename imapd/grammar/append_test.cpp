#include "imapd/grammar/append.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost::imap;

namespace {

std::string letters(const AppendSteps& steps) {
  std::string out;
  for (const auto& step : steps.steps) out += "BULE"[static_cast<int>(step.kind)];
  return out;
}

}  // namespace

TEST_CASE("the parts of a CATENATE are steps in their order, from literal to literal") {
  Limits limits;
  auto first =
      parse_append("a APPEND box (\\Seen) CATENATE (URL \"/a/;UID=1\" URL ;UID=2 TEXT {5}", limits);
  REQUIRE(first.has_value());
  CHECK(letters(first->message) == "BUUL");
  CHECK(first->message.steps[0].flags == std::vector<std::string>{"\\Seen"});
  CHECK(first->message.steps[2].url == ";UID=2");
  CHECK(first->message.place.in_parts);

  auto next = parse_append_next(" TEXT {3+}", first->message.place, limits);
  REQUIRE(next.has_value());
  CHECK(letters(*next) == "L");
  CHECK(letters(*parse_append_next(" URL ;UID=2)", next->place, limits)) == "UE");
  auto last = parse_append_next(") (\\Flagged) CATENATE (TEXT {1}", next->place, limits);
  REQUIRE(last.has_value());
  CHECK(letters(*last) == "EBL");
  auto plain = parse_append_next(") {9}", next->place, limits);
  CHECK(letters(*plain) == "EBL");
  CHECK_FALSE(plain->place.is_within_message());
  CHECK(letters(parse_append("a APPEND b CATENATE (URL ;UID=1)", limits)->message) == "BUE");
}

TEST_CASE("a literal in UTF8 is a literal8, and its parenthesis closes behind it") {
  Limits limits;
  auto whole = parse_append("a APPEND box UTF8 (~{5}", limits);
  REQUIRE(whole.has_value());
  CHECK(whole->message.steps.back().is_utf8);
  CHECK(letters(*parse_append_next(")", whole->message.place, limits)) == "E");
  auto part = parse_append("a APPEND box CATENATE (UTF8 (~{5+}", limits);
  REQUIRE(part.has_value());
  CHECK(letters(*parse_append_next(") TEXT {1}", part->message.place, limits)) == "L");
  CHECK_FALSE(parse_append("a APPEND box UTF8 ({5}", limits));
  CHECK_FALSE(parse_append_next("", whole->message.place, limits));
  CHECK_FALSE(parse_append_next(" {3}", whole->message.place, limits));
}

TEST_CASE("a CATENATE that is wrong is refused, and a URL's own literal is no message") {
  Limits limits;
  for (const char* wrong :
       {"CATENATE", "CATENATE ()", "CATENATE (TEXT)", "CATENATE (TEXT \"x\"", "CATENATE (FILE {3}",
        "CATENATE (URL)", "CATENATE (URL ;UID=1", "CATENATE (URL ;UID=1  ", "CATENATE (URL x) y",
        "CATENATE (URL x)(TEXT {3}", "CATENATE TEXT {3}"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_append("a APPEND box " + std::string(wrong), limits));
  }
  auto announced = [&](const char* text) { return announced_literal(text, std::nullopt, limits); };
  CHECK_FALSE(announced("a APPEND box CATENATE (URL {9}")->is_message);
  CHECK(announced("a APPEND box CATENATE (URL {3}\r\n;;; TEXT {9}")->is_message);
  CHECK_FALSE(announced("a APPEND {9}")->is_message);
  CHECK_FALSE(announced("a LOGIN {9}")->is_message);
  CHECK_FALSE(announced("a APPEND box CATENATE (BODY {9}").has_value());
  AppendPlace in_parts{true, false};
  CHECK_FALSE(announced_literal(" URL {9}", in_parts, limits)->is_message);
  CHECK(announced_literal(" TEXT {9}", in_parts, limits)->is_message);
}
