#include "common/process/descriptor_limit.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>

using namespace pennypost;

TEST_CASE("a daemon takes as many descriptors as the hard limit allows, its programs get 1024") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 64;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(descriptor_limit() == 64);
  raise_descriptor_limit();
  rlimit raised{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &raised) == 0);
  CHECK(raised.rlim_cur == before.rlim_max);
  set_usual_descriptor_limit();
  CHECK(descriptor_limit() == std::min<std::size_t>(1024, before.rlim_max));
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
