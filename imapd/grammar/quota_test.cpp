#include "imapd/grammar/quota.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::imap;

namespace {

constexpr Limits limits;

using Given = std::vector<std::pair<std::string, std::uint64_t>>;

}  // namespace

TEST_CASE("SETQUOTA has a root and limits of resources, perhaps none") {
  auto request =
      parse_set_quota(" \"User quota\" (STORAGE 512 message 9223372036854775807)", limits);
  REQUIRE(request);
  CHECK(request->root == "User quota");
  CHECK(request->limits == Given{{"STORAGE", 512}, {"MESSAGE", 9223372036854775807}});
  auto none = parse_set_quota(" {2+}\r\nab ()", limits);
  REQUIRE(none);
  CHECK(none->root == "ab");
  CHECK(none->limits.empty());
}

TEST_CASE("a malformed SETQUOTA is refused") {
  std::string many = " x (A0 1";
  for (std::size_t i = 1; i <= quota_resources_max; ++i) many += " A" + std::to_string(i) + " 1";
  for (const std::string& wrong :
       {std::string(), std::string(" x"), std::string(" x STORAGE 1"), std::string(" x (STORAGE)"),
        std::string(" x (STORAGE 1"), std::string(" x (STORAGE 1) y"),
        std::string(" x (STORAGE -1)"), std::string(" x (STORAGE 1 storage 2)"),
        std::string(" x (STORAGE 9223372036854775808)"), std::string(" x (1 STORAGE)"),
        std::string(" (STORAGE 1)"), many + ")"}) {
    CAPTURE(wrong);
    auto request = parse_set_quota(wrong, limits);
    REQUIRE_FALSE(request);
    CHECK(request.error().code() == 501);
  }
}
