#include "store/accounts/blocked_users.h"

#include <doctest/doctest.h>

#include "common/base/scratch.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("an entry says what is refused, since when and why") {
  Block block{true, 1764445000, "password was stolen"};
  CHECK(block.text() == "logins 1764445000 password was stolen");
  Block back = Block::parse(block.text());
  CHECK(back.refuses_logins);
  CHECK(back.since == 1764445000);
  CHECK(back.reason == "password was stolen");
  CHECK_FALSE(Block::parse("submission 1").refuses_logins);
  CHECK(Block::parse("submission 1").since == 1);
  CHECK(Block::parse("logins because of it").reason == "because of it");
  // What an admin writes himself refuses submission, whatever it says.
  CHECK_FALSE(Block::parse("left the company").refuses_logins);
  CHECK(Block::parse("left the company").reason == "left the company");
}

TEST_CASE("a blocked user is found by the daemons until unblocked") {
  Scratch scratch;
  auto config = config_for_test({"blocked_users_map=hash:" + (scratch / "blocked")});
  MapOptions options;
  options.check_interval = Microseconds(0);
  auto readers = BlockedUsers::open(*config, options);
  REQUIRE(readers);
  auto nobody = readers->find("ann@example.com");
  REQUIRE(nobody);
  CHECK_FALSE(*nobody);

  auto list = BlockList::open(*config);
  REQUIRE(list);
  CHECK(list->list()->empty());
  REQUIRE(list->block("ann@example.com", {false, 5, "spam"}));
  REQUIRE(list->block("bob", {true, 6, ""}));
  auto ann = readers->find("Ann@Example.com");
  REQUIRE(ann);
  REQUIRE(*ann);
  CHECK((*ann)->reason == "spam");
  auto all = list->list();
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK((*all)[1].account == "bob");
  CHECK((*all)[1].block.refuses_logins);

  REQUIRE(list->unblock("ann@example.com"));
  auto again = list->unblock("ann@example.com");
  REQUIRE_FALSE(again);
  CHECK(again.error().text() == "ann@example.com is not blocked");
  CHECK_FALSE(*readers->find("ann@example.com"));
}

TEST_CASE("only a hash: table can be changed") {
  auto list = BlockList::open(*config_for_test({"blocked_users_map=static:submission"}));
  REQUIRE_FALSE(list);
  CHECK(list.error().text() ==
        "blocked_users_map must be a hash: table to be changed here, not static:submission");
}
