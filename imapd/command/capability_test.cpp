#include "imapd/command/capability.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("imap_capability replaces our capabilities, or is added to them") {
  CHECK(with_setting("IMAP4rev1 IDLE", "") == "IMAP4rev1 IDLE");
  CHECK(with_setting("IMAP4rev1 IDLE", "IMAP4rev1  XFOO") == "IMAP4rev1 XFOO");
  CHECK(with_setting("IMAP4rev1", "+XFOO XBAR") == "IMAP4rev1 XFOO XBAR");
  CHECK(with_setting("IMAP4rev1", "+XFOO +XBAR") == "IMAP4rev1 XFOO XBAR");
}
