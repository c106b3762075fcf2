#include "common/base/day.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a day is written as its date in UTC and read back as the second it begins with") {
  CHECK(day_of(0) == "1970-01-01");
  CHECK(day_of(1'795'996'799) == "2026-11-29");
  CHECK(day_of(1'795'996'800) == "2026-11-30");
  CHECK(begin_of_day("2026-11-30") == 1'795'996'800);
  CHECK(begin_of_day("2028-02-29").has_value());
  for (const char* text : {"", "2027-02-29", "2026-11-31", "2026-13-01", "26-11-30", "2026-11-3",
                           "2026/11/30", "2026-1a-01", "2026-11-300"}) {
    CAPTURE(text);
    CHECK(!begin_of_day(text));
  }
}
