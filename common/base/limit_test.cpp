#include "common/base/limit.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a limit of 0 is none") {
  CHECK(Limit().is_none());
  CHECK(Limit(0) == Limit());
  CHECK(Limit(0).allows(UINT64_MAX));
  CHECK(Limit(0).has_room_beside(UINT64_MAX));
}

TEST_CASE("a limit allows as many as it says, and no more") {
  CHECK_FALSE(Limit(2).is_none());
  CHECK(Limit(2).allows(2));
  CHECK_FALSE(Limit(2).allows(3));
  CHECK(Limit(2).has_room_beside(1));
  CHECK_FALSE(Limit(2).has_room_beside(2));
}
