#include "imapd/response/logout_text.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("imap_logout_format may use each byte count any number of times") {
  CHECK(logout_text("in=%i out=%o", 10, 300) == "in=10 out=300");
  CHECK(logout_text("%o/%{output} %i/%{input} %i", 1, 2) == "2/2 1/1 1");
  CHECK(logout_text("100%% %x %", 1, 2) == "100% %x %");
  CHECK(logout_text("", 1, 2).empty());
}
