#include "smtpd/commands/user.h"

#include <doctest/doctest.h>

#include <string>

#include "smtpd/commands/testing.h"

using namespace pennypost;

namespace {

struct House : smtp::CommandHouse {
  House() : CommandHouse(&smtp::user) {
    configure("auth_realm = \"example.test\"\nusers_map = \"hash:" + scratch / "users" +
              "\"\ncredentials_map = \"hash:" + scratch / "credentials" +
              "\"\nvirtual_mailbox_base = \"" + scratch / "vmail" + "\"\n");
  }
};

}  // namespace

TEST_CASE("users are added with the password's first line, listed, changed and removed") {
  House house;
  CHECK(house.run({"add", "alice"}, "wonder\nsecond line\n") == 0);
  CHECK(house.out == "alice@example.test added\n");
  CHECK(house.run({"add", "-s", "-q", "*:storage=1G", "bob@example.org"}, "{PLAIN}builder\n") == 0);
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out == "alice@example.test\nbob@example.org\n");
  CHECK(house.run({"list", "-l"}) == 0);
  CHECK(house.out.find("bob@example.org\thome=" + house.scratch / "vmail/example.org/bob" +
                       " quota_rule=*:storage=1G\n") != std::string::npos);
  CHECK(house.run({"passwd", "alice"}, "other\n") == 0);
  CHECK(house.run({"del", "alice"}) == 0);
  CHECK(house.out == "alice@example.test removed; the mail is still in " +
                         house.scratch / "vmail/example.test/alice\n");
}

TEST_CASE("what can't be done is said, with exit status 1") {
  House house;
  CHECK(house.run({"add", "alice"}, "") == 1);
  CHECK(house.err == "pennypost user: fatal: no password was given\n");
  CHECK(house.run({"add", "alice"}, "\n") == 1);
  CHECK(house.run({"add", "-s", "alice"}, "{ROT13}x\n") == 1);
  CHECK(house.err.find("unknown password scheme") != std::string::npos);
  CHECK(house.run({"passwd", "alice"}, "x\n") == 1);
  CHECK(house.err == "pennypost user: fatal: there is no user alice@example.test\n");
  CHECK(house.run({"del", "alice"}) == 1);
  CHECK(house.run({"add"}) == 1);
  CHECK(house.run({"rename", "a"}) == 1);
  CHECK(house.err.find("usage") != std::string::npos);
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out.empty());
}
