#include "store/maildir/quota.h"

#include <doctest/doctest.h>

using namespace pennypost::store;

TEST_CASE("the lines of maildirsize add up") {
  auto size = MaildirSize::parse("1000S,10C\n500 5\n\n-100 -1\n");
  CHECK(size.is_sound);
  CHECK(size.usage.bytes_max == 1000);
  CHECK(size.usage.messages_max == 10);
  CHECK(size.usage.bytes == 400);
  CHECK(size.usage.messages == 4);
}

TEST_CASE("a maildirsize whose sums no number holds is counted anew") {
  const std::string greatest = "9223372036854775807 1\n";
  for (const std::string& lines :
       {greatest + greatest, greatest + "1 9223372036854775807\n", std::string("-1 0\n"),
        std::string("-9223372036854775808 0\n-1 0\n"), std::string("1\n"), std::string("1 2 3\n"),
        std::string("x 1\n")}) {
    auto size = MaildirSize::parse("1000S\n" + lines);
    CHECK_FALSE(size.is_sound);
    CHECK(size.usage.bytes_max == 1000);
    CHECK(size.usage.bytes == 0);
  }
}
