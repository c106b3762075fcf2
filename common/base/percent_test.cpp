#include "common/base/percent.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("what is written with percent signs is read back, and what is malformed is not") {
  CHECK(percent_encode("a b/%\x80", "/") == "a%20b/%25%80");
  CHECK(percent_decode("a%20b/%25%80") == "a b/%\x80");
  CHECK(percent_decode("%c3%BC") == "\u00fc");
  for (const char* text : {"%", "%4", "a%4", "%g0", "%0g"}) {
    CAPTURE(text);
    CHECK(!percent_decode(text));
  }
}
