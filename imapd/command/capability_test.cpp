#include "imapd/command/capability.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("imap_capability replaces our capabilities, or is added to them") {
  CHECK(with_setting("IMAP4rev1 IDLE", "") == "IMAP4rev1 IDLE");
  CHECK(with_setting("IMAP4rev1 IDLE", "IMAP4rev1  XFOO") == "IMAP4rev1 XFOO");
  CHECK(with_setting("IMAP4rev1", "+XFOO XBAR") == "IMAP4rev1 XFOO XBAR");
  CHECK(with_setting("IMAP4rev1", "+XFOO +XBAR") == "IMAP4rev1 XFOO XBAR");
}

TEST_CASE("a user's imap_capability hides capabilities by their names, in any case") {
  CHECK(without("IMAP4rev1 IDLE NOTIFY QRESYNC", "") == "IMAP4rev1 IDLE NOTIFY QRESYNC");
  CHECK(without("IMAP4rev1 IDLE NOTIFY QRESYNC", "-notify,QRESYNC,-X") == "IMAP4rev1 IDLE");
}

TEST_CASE("imap_capability takes a capability away where its name begins with a minus") {
  CHECK(with_setting("IMAP4rev1 IDLE SORT", "-idle") == "IMAP4rev1 SORT");
  CHECK(with_setting("IMAP4rev1 IDLE SORT", "+X -SORT -none") == "IMAP4rev1 IDLE X");
  CHECK(with_setting("IMAP4rev1 IDLE", "-IDLE +IDLE") == "IMAP4rev1 IDLE");
  CHECK(with_setting("IMAP4rev1 IDLE", "A B -A") == "B");
}
