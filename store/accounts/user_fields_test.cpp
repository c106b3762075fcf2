#include "store/accounts/user_fields.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("an entry's fields are read and written again") {
  auto fields = OwnUserFields::parse(
      "home=/srv/a quota_rule=*:storage=1G quota_rule=Trash:ignore allow_nets=192.0.2.0/24,::1 "
      "imap_capability=-NOTIFY,-QRESYNC admin=yes disabled=yes "
      "comment=moved  to Berlin, = see wiki");
  REQUIRE(fields);
  CHECK(fields->home == "/srv/a");
  CHECK(fields->quota_rule == "*:storage=1G Trash:ignore");
  CHECK(fields->is_admin());
  CHECK(fields->is_disabled());
  CHECK(fields->comment == "moved  to Berlin, = see wiki");
  auto again = OwnUserFields::parse(fields->text());
  REQUIRE(again);
  CHECK(again->text() == fields->text());
  CHECK(again->comment == fields->comment);
  CHECK(OwnUserFields::parse("")->text().empty());
}

TEST_CASE("an entry of an earlier version is read as it is") {
  auto fields = OwnUserFields::parse("home=/a mail=maildir:~/M quota_rule=*:storage=1G");
  REQUIRE(fields);
  CHECK(fields->text() == "home=/a mail=maildir:~/M quota_rule=*:storage=1G");
}

TEST_CASE("a wrong field or value is refused, and the known fields are named") {
  for (const char* wrong : {"home=a", "what=x", "what", "home", "allow_nets=300.1.1.1",
                            "allow_nets=192.0.2.1/24", "disabled=maybe", "admin=maybe",
                            "imap_capability=A\"B", "quota_rule=5G", "comment=a\x01"}) {
    CAPTURE(wrong);
    CHECK_FALSE(OwnUserFields::parse(wrong));
  }
  CHECK(OwnUserFields::parse("what=x").error().text().find("allow_nets=") != std::string::npos);
  OwnUserFields fields;
  CHECK_FALSE(fields.set("home", "/a b"));
  CHECK_FALSE(fields.set("comment", std::string(2001, 'x')));
}

TEST_CASE("a domain's fields hold where the user's entry does not say otherwise") {
  auto domain = OwnUserFields::parse(
      "quota_rule=*:storage=1G quota_rule=Spam:ignore allow_nets=192.0.2.0/24 disabled=yes");
  auto user = OwnUserFields::parse("home=/a quota_rule=*:storage=2G disabled=no");
  REQUIRE(domain);
  REQUIRE(user);
  user->complete_by(*domain);
  CHECK(user->quota_rule == "*:bytes=2147483648 Spam:ignore");
  CHECK(user->allow_nets == "192.0.2.0/24");
  CHECK_FALSE(user->is_disabled());
  CHECK(user->home == "/a");
}

TEST_CASE("allow_nets names networks and addresses of both kinds") {
  CHECK(is_allowed_from("", "192.0.2.9"));
  CHECK(is_allowed_from("192.0.2.0/24,2001:db8::/32", "192.0.2.9"));
  CHECK(is_allowed_from("192.0.2.0/24,2001:db8::/32", "2001:db8::7"));
  CHECK_FALSE(is_allowed_from("192.0.2.0/24,2001:db8::/32", "198.51.100.1"));
  CHECK_FALSE(is_allowed_from("192.0.2.0/24", "no address"));
}
