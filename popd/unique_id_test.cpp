#include "popd/unique_id.h"

#include <doctest/doctest.h>

using namespace pennypost::pop;

TEST_CASE("ids have the forms that other servers gave them") {
  CHECK(*format_unique_id("%08Xu%08Xv", 0xab, 0x12345678) == "000000AB12345678");
  CHECK(*format_unique_id("%v-%u", 7, 99) == "99-7");
  CHECK(*format_unique_id("UID%u-%v", 7, 99) == "UID7-99");
  CHECK(*format_unique_id("%08xv%%%03u", 7, 255) == "000000ff%007");
}

TEST_CASE("a format that gives no id is refused") {
  for (const char* format : {"", "%v", "%f", "%", "%08X", "%u \x7f", "%99u", "%99999999999u",
                             "a b%u", "%20u%20v%020u%020v%u"}) {
    CAPTURE(format);
    CHECK_FALSE(format_unique_id(format, 1, 2));
  }
}
