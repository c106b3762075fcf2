#include "imapd/order/message_ids.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("Message-IDs are read however they are quoted, and what is none is passed over") {
  using Ids = std::vector<std::string>;
  CHECK(message_ids("<a@b>", 9) == Ids{"a@b"});
  CHECK(message_ids(" <a@b>\r\n <c@d>,<e@f>", 9) == Ids{"a@b", "c@d", "e@f"});
  CHECK(message_ids("<\"a\"@b>", 9) == Ids{"a@b"});
  CHECK(message_ids("<\"a\\\"b\"@c>", 9) == Ids{"a\"b@c"});
  CHECK(message_ids("<\"a>b\"@c>", 9) == Ids{"a>b@c"});
  CHECK(message_ids("< a (of (me)) @ b >", 9) == Ids{"a@b"});
  CHECK(message_ids("Your mail of Monday <a@b> \"Ann\" <ann@c>", 9) == Ids{"a@b", "ann@c"});
  CHECK(message_ids("<<a@b>", 9) == Ids{"a@b"});
  CHECK(message_ids("<a> <@b> <c@> <>", 9) == Ids{});
  CHECK(message_ids("a@b", 9) == Ids{});
  CHECK(message_ids("<a@b", 9) == Ids{});
  CHECK(message_ids("<\"a@b> <c@d>", 9) == Ids{"c@d"});
  CHECK(message_ids("<a@x> <b@x> <c@x>", 2) == Ids{"b@x", "c@x"});
  CHECK(message_ids("<a@x>", 0) == Ids{});
}
