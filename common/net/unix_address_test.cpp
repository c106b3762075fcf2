#include "common/net/unix_address.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("the path of a socket has at most 107 bytes") {
  std::string longest = "/" + std::string(106, 'x');
  auto address = unix_address(longest);
  REQUIRE(address);
  CHECK(address->sun_family == AF_UNIX);
  CHECK(std::string(address->sun_path) == longest);
  auto refused = unix_address(longest + "x");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() ==
        longest + "x: too long for the path of a socket; at most 107 bytes fit");
}
