#include "common/base/enhanced_status.h"

#include <doctest/doctest.h>

#include <string_view>

using namespace pennypost;

TEST_CASE("enhanced status codes are read and written") {
  CHECK(EnhancedStatus::parse("5.1.1") == EnhancedStatus{5, 1, 1});
  CHECK(EnhancedStatus::parse("2.0.0")->text() == "2.0.0");
  CHECK(EnhancedStatus::parse("4.7.999")->text() == "4.7.999");
  for (const char* text : {"", "5", "5.1", "5.1.", "3.1.1", "5.1.1000", "5.01.1", "5.1.1x",
                           "5.1.1 x", "55.1.1", ".1.1", "5..1", "192.0.2.1"}) {
    CAPTURE(text);
    CHECK_FALSE(EnhancedStatus::parse(text).has_value());
  }
  std::string_view reply = "5.1.1 No such user";
  CHECK(EnhancedStatus::take(reply) == EnhancedStatus{5, 1, 1});
  CHECK(reply == "No such user");
  CHECK_FALSE(EnhancedStatus::take(reply).has_value());
  CHECK(reply == "No such user");
  CHECK(EnhancedStatus::of_reply(452).text() == "4.0.0");
}
