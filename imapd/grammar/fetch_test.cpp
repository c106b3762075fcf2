#include "imapd/grammar/fetch.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;
using Kind = FetchItem::Kind;

namespace {
const Limits limits;
std::vector<Kind> kinds(const char* text) {
  std::vector<Kind> out;
  auto request = parse_fetch(text, limits);
  REQUIRE(request.has_value());
  for (const auto& item : request->items) out.push_back(item.kind);
  return out;
}
}  // namespace

TEST_CASE("FETCH takes one item, a list, or a macro") {
  CHECK(kinds(" 1 uid") == std::vector{Kind::Uid});
  CHECK(kinds(" 1:* (UID FLAGS BODY BODYSTRUCTURE)") ==
        std::vector{Kind::Uid, Kind::Flags, Kind::Body, Kind::BodyStructure});
  CHECK(kinds(" 1 fast") == std::vector{Kind::Flags, Kind::InternalDate, Kind::Rfc822Size});
  CHECK(kinds(" 1 ALL").size() == 4);
  CHECK(kinds(" 1 FULL").back() == Kind::Body);
  auto request = parse_fetch(" 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)", limits);
  REQUIRE(request.has_value());
  CHECK(request->items[0].marks_seen);
  CHECK(request->items[1].section.text == Section::Text::Header);
  CHECK_FALSE(request->items[1].marks_seen);
  CHECK(request->items[2].name == "RFC822.TEXT");
}

TEST_CASE("a section names a part, what of it, and which octets") {
  auto request = parse_fetch(
      " 1 (BODY[] BODY.PEEK[1.2.HEADER.FIELDS (From \"X Y\" {2}\r\nto)]<0.2048> BODY[3.MIME] "
      "body[text] "
      "BODY[HEADER.FIELDS.NOT (x)] BODY[4])",
      limits);
  REQUIRE(request.has_value());
  const auto& items = request->items;
  REQUIRE(items.size() == 6);
  CHECK(items[0].marks_seen);
  CHECK(items[0].section.part.empty());
  CHECK_FALSE(items[1].marks_seen);
  CHECK(items[1].section.part == std::vector<std::uint32_t>{1, 2});
  CHECK(items[1].section.fields == std::vector<std::string>{"From", "X Y", "to"});
  CHECK(items[1].partial->count == 2048);
  CHECK(items[2].section.text == Section::Text::Mime);
  CHECK(items[3].section.text == Section::Text::Text);
  CHECK(items[4].section.text == Section::Text::HeaderFieldsNot);
  CHECK(items[5].section.part == std::vector<std::uint32_t>{4});
}

TEST_CASE("FETCH takes the modifiers of RFC 7162, and no others") {
  auto request = parse_fetch(" 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)", limits);
  REQUIRE(request.has_value());
  CHECK(request->changed_since == 12345);
  CHECK(request->tells_vanished);
  CHECK(parse_fetch(" 1:* FLAGS (CHANGEDSINCE 9223372036854775807)", limits).has_value());
  for (const char* modifiers :
       {"(VANISHED)", "(CHANGEDSINCE)", "(CHANGEDSINCE 0)", "(CHANGEDSINCE 9223372036854775808)",
        "(CHANGEDSINCE 1 CHANGEDSINCE 1)", "(CHANGEDSINCE (1))", "(VANISHED 1)", "(OTHER)", "()"}) {
    CAPTURE(modifiers);
    CHECK_FALSE(parse_fetch(std::string(" 1:* FLAGS ") + modifiers, limits).has_value());
  }
}

TEST_CASE("PREVIEW takes LAZY, in a list and alone, and modifiers of FETCH stay such") {
  auto list = parse_fetch(" 1 (PREVIEW (LAZY) UID)", limits);
  REQUIRE(list);
  CHECK(list->items[0].is_lazy);
  CHECK(list->items.size() == 2);
  auto alone = parse_fetch(" 1 PREVIEW (lazy) (CHANGEDSINCE 5)", limits);
  REQUIRE(alone);
  CHECK(alone->items[0].is_lazy);
  CHECK(alone->changed_since == 5);
  auto busy = parse_fetch(" 1 PREVIEW (CHANGEDSINCE 5)", limits);
  REQUIRE(busy);
  CHECK_FALSE(busy->items[0].is_lazy);
  CHECK(busy->changed_since == 5);
}

TEST_CASE("spaces inside parentheses are passed over, as Dovecot does") {
  auto request = parse_fetch(
      " 1 ( FLAGS  UID BODY.PEEK[HEADER.FIELDS ( Date From )] ) (CHANGEDSINCE 5)", limits);
  REQUIRE(request);
  REQUIRE(request->items.size() == 3);
  CHECK(request->items[2].section.fields == std::vector<std::string>{"Date", "From"});
  CHECK(request->changed_since == 5);
}

TEST_CASE("malformed FETCH arguments are refused") {
  for (const char* text : {"",
                           " 1",
                           " 1 ",
                           " 1 ()",
                           " 1 X",
                           " 1 (ALL)",
                           " 1 (FLAGS",
                           " 1 FLAGS)",
                           " 1 FLAGS UID",
                           " 0 FLAGS",
                           " 1 BODY[MIME]",
                           " 1 BODY[1.]",
                           " 1 BODY[0]",
                           " 1 BODY[1",
                           " 1 BODY[TEXT.1]",
                           " 1 BODY[]<0>",
                           " 1 BODY[]<0.0>",
                           " 1 BODY[]<1.2",
                           " 1 BODY[HEADER.FIELDS ()]",
                           " 1 BODY[HEADER.FIELDS]",
                           " 1 RFC822[]",
                           " 1 BODY.PEEK",
                           " 1 BODYSTRUCTURE[]",
                           " 1 "
                           "BODY[1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1."
                           "1.1.1.1.1.1.1.1.1.1.1"
                           ".1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1]"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_fetch(text, limits).has_value());
  }
}

TEST_CASE("a FETCH asks for at most list_items_max items") {
  Limits few;
  few.list_items_max = 3;
  CHECK(parse_fetch(" 1 (UID FLAGS ENVELOPE)", few).has_value());
  CHECK(parse_fetch(" 1 (UID FLAGS ENVELOPE BODYSTRUCTURE)", few).error().code() == 501);
  CHECK(parse_fetch(" 1 BODY[HEADER.FIELDS (a b c)]", few).has_value());
  CHECK_FALSE(parse_fetch(" 1 BODY[HEADER.FIELDS (a b c d)]", few).has_value());
}
