#include "imapd/response/section.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("a section comes back as it was asked for") {
  Limits limits;
  for (const char* text : {"", "HEADER", "TEXT", "1", "1.2.3", "1.MIME", "2.1.TEXT",
                           "HEADER.FIELDS (From \"X Y\")", "3.HEADER.FIELDS.NOT (a b)"}) {
    CAPTURE(text);
    auto request = parse_fetch(" 1 BODY[" + std::string(text) + "]", limits);
    REQUIRE(request.has_value());
    std::string out;
    append_section_text(out, request->items.front().section);
    CHECK(out == text);
  }
}
