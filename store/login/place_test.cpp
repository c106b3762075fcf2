#include "store/login/place.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"
#include "common/process/privileges.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

AccountRef system_account(std::string name) {
  AccountRef account;
  account.name = std::move(name);
  account.is_system = true;
  return account;
}

}  // namespace

TEST_CASE("no process is started as root, as a system account, or for whom nobody knows") {
  auto config = config_for_test({"system_users=yes"});
  // Without root every process stays the user's own, whatever name it serves.
  bool refuses = is_root();
  for (const char* name : {"root", "daemon"}) {
    CAPTURE(name);
    auto place = place_of(*config, system_account(name), 4);
    CHECK(place.has_value() != refuses);
    if (!place) CHECK(place.error().text().find("is outside first_valid_uid") != std::string::npos);
  }
  CHECK_FALSE(place_of(*config, system_account("no-such-user-here"), 4));
}

TEST_CASE("an own user has always the same shard, a system user a process of his own") {
  auto config = config_for_test({"virtual_mail_owner=nobody"});
  AccountRef own;
  own.name = "ann@example.test";
  auto first = place_of(*config, own, 4);
  auto second = place_of(*config, own, 4);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->instance == second->instance);
  CHECK(first->instance.starts_with("own-"));
  auto nobody = config_for_test({"system_users=yes", "first_valid_uid=1"});
  auto place = place_of(*nobody, system_account("nobody"), 4);
  REQUIRE(place);
  CHECK(place->instance == "nobody");
}
