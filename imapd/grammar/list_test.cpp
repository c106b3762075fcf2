#include "imapd/grammar/list.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

namespace {
const Limits limits;
}

TEST_CASE("STATUS asks for items by name, once each") {
  auto status = parse_status(" box (messages UNSEEN UIDNEXT messages)", limits);
  REQUIRE(status.has_value());
  CHECK(status->items ==
        std::vector{StatusItem::Messages, StatusItem::Unseen, StatusItem::UidNext});
  for (const char* text : {" box ()", " box MESSAGES", " box (X)", " box (MESSAGES) x", " box"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_status(text, limits).has_value());
  }
}

TEST_CASE("LIST is plain or extended") {
  auto list = parse_list(" \"\" INBOX.%", limits);
  REQUIRE(list.has_value());
  CHECK(list->patterns == std::vector<std::string>{"INBOX.%"});
  CHECK_FALSE(list->extended);
  list = parse_list(
      " (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX \"a b*\") RETURN (CHILDREN STATUS (UNSEEN) "
      "SPECIAL-USE)",
      limits);
  REQUIRE(list.has_value());
  CHECK(list->extended);
  CHECK(list->select_subscribed);
  CHECK(list->select_recursive);
  CHECK(list->patterns == std::vector<std::string>{"INBOX", "a b*"});
  CHECK(list->return_children);
  CHECK(list->return_special_use);
  CHECK(list->return_status == std::vector{StatusItem::Unseen});
  CHECK(parse_list(" () \"\" %", limits)->extended);
  CHECK(parse_list(" \"\" % RETURN ()", limits)->extended);
  for (const char* text : {"", " \"\"", " \"\" ()", " (X) \"\" %", " (RECURSIVEMATCH) \"\" %",
                           " \"\" % RETURN", " \"\" % RETURN (X)", " \"\" % x", " \"\" (a"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_list(text, limits).has_value());
  }
  CHECK(parse_lsub(" \"\" *", limits)->patterns.front() == "*");
  CHECK_FALSE(parse_lsub(" \"\" (a b)", limits).has_value());
}
