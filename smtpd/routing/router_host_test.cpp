#include "smtpd/routing/router_host.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "common/base/scratch.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("a host knows the names of its users, and whose a file is; for others there is nothing") {
  Scratch scratch;
  std::ofstream(scratch / "list") << "ann\n";
  auto host = RouterHost::of_system(*config_for_test());
  CHECK(host.own_uid == ::geteuid());
  CHECK(host.user_name(0) == "root");
  CHECK_FALSE(host.user_name(4'123'456'789));
  CHECK(host.file_owner(scratch / "list") == ::geteuid());
  CHECK_FALSE(host.file_owner(scratch / "none"));
  auto list = host.read_list(scratch / "list");
  REQUIRE(list);
  CHECK(list->text == "ann\n");
  CHECK(list->owner == ::geteuid());
}

TEST_CASE("a host reads no list that is larger than dot_forward_bytes_max") {
  Scratch scratch;
  std::ofstream(scratch / "list") << std::string(1025, 'x');
  auto host = RouterHost::of_system(*config_for_test({"dot_forward_bytes_max=1024"}));
  auto list = host.read_list(scratch / "list");
  REQUIRE_FALSE(list);
  CHECK(list.error().text() == "larger than dot_forward_bytes_max");
}
