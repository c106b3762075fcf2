#include "smtpd/commands/user.h"

#include <doctest/doctest.h>

#include <string>

#include "smtpd/commands/testing.h"

using namespace pennypost;

namespace {

struct House : smtp::CommandHouse {
  House() : CommandHouse(&smtp::user) {
    configure("auth_realm = \"example.test\"\nvirtual_mail_owner = \"root\"\nusers_map = \"hash:" +
              scratch / "users" + "\"\ncredentials_map = \"hash:" + scratch / "credentials" +
              "\"\nblocked_users_map = \"hash:" + scratch / "blocked" +
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

TEST_CASE("a blocked user is shown in the list with the reason, until unblocked") {
  House house;
  REQUIRE(house.run({"add", "-s", "alice"}, "{PLAIN}x\n") == 0);
  CHECK(house.run({"block", "--reason", "stolen password", "alice"}) == 0);
  CHECK(house.out == "alice@example.test blocked: no mail is accepted from this user\n");
  CHECK(house.run({"block", "--logins", "root"}) == 0);
  CHECK(house.out == "root blocked: no mail is accepted from this user, and no login\n");
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out.starts_with("alice@example.test\tblocked: submission since 20"));
  CHECK(house.out.find(" (stolen password)\nroot\tblocked: submission and logins since 20") !=
        std::string::npos);
  CHECK(house.run({"unblock", "Alice@example.test"}) == 0);
  CHECK(house.run({"unblock", "alice"}) == 1);
  CHECK(house.err == "pennypost user: fatal: alice@example.test is not blocked\n");
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out.starts_with("alice@example.test\nroot\t"));
  CHECK(house.run({"block", "nobody-here@example.test"}) == 1);
  CHECK(house.err.find("there is no user nobody-here@example.test") != std::string::npos);
}

TEST_CASE("mail that can't be put on hold leaves the user blocked, and is told of") {
  House house;
  REQUIRE(house.run({"add", "-s", "alice"}, "{PLAIN}x\n") == 0);
  CHECK(house.run(
            {"block", "--hold", "alice", "-o", "queue_directory=" + house.scratch / "none"}) == 1);
  CHECK(house.err.find("alice@example.test is blocked, but the mail in the queue is not on hold") !=
        std::string::npos);
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out.starts_with("alice@example.test\tblocked"));
}

TEST_CASE("a user's fields are set, shown as lines and as JSON, and removed") {
  House house;
  REQUIRE(house.run({"add", "-s", "alice"}, "{PLAIN}x\n") == 0);
  CHECK(house.run({"set", "alice", "allow_nets=192.0.2.0/24", "comment=in \"Berlin\""}) == 0);
  CHECK(house.out == "alice@example.test changed\n");
  CHECK(house.run({"show", "alice"}) == 0);
  CHECK(house.out.starts_with("user\talice@example.test\nhome\t"));
  CHECK(house.out.ends_with("allow_nets\t192.0.2.0/24\ncomment\tin \"Berlin\"\n"));
  CHECK(house.run({"show", "--json", "alice"}) == 0);
  CHECK(house.out.starts_with("{\"user\": \"alice@example.test\", \"home\": "));
  CHECK(house.out.ends_with("\"comment\": \"in \\\"Berlin\\\"\"}\n"));
  CHECK(house.run({"set", "alice", "allow_nets="}) == 0);
  CHECK(house.run({"show", "alice"}) == 0);
  CHECK(house.out.find("allow_nets") == std::string::npos);
  CHECK(house.run({"set", "alice", "colour=red"}) == 1);
  CHECK(house.err.find("unknown field colour; known are home=") != std::string::npos);
  CHECK(house.run({"set", "alice", "allow_nets"}) == 1);
  CHECK(house.run({"set", "zoe", "comment=x"}) == 1);
  CHECK(house.run({"set", "alice"}) == 1);
  CHECK(house.run({"show", "zoe"}) == 1);
}

TEST_CASE("quota rules of a user complete those of the domain") {
  House house;
  REQUIRE(house.run({"add", "-s", "alice"}, "{PLAIN}x\n") == 0);
  CHECK(house.run({"quota", "@example.test", "*:storage=1G", "Spam:ignore"}) == 0);
  CHECK(house.out == "@example.test: quota changed\n");
  CHECK(house.run({"quota", "alice", "*:storage=2G:messages=10", "Trash:storage=+10%"}) == 0);
  CHECK(house.run({"quota", "alice"}) == 0);
  CHECK(house.out ==
        "alice@example.test\t*:bytes=2147483648:messages=10 Trash:bytes=+10% Spam:ignore\n");
  CHECK(house.run({"quota", "alice", "none"}) == 0);
  CHECK(house.run({"quota", "alice"}) == 0);
  CHECK(house.out == "alice@example.test\t*:bytes=1073741824 Spam:ignore\n");
  CHECK(house.run({"quota", "alice", "1G"}) == 1);
  CHECK(house.err.find("quota rule 1G: expected *:storage=SIZE") != std::string::npos);
  CHECK(house.run({"list"}) == 0);
  CHECK(house.out == "alice@example.test\n");
}

TEST_CASE("an app password is shown once, listed with its scope and end, and removed") {
  House house;
  REQUIRE(house.run({"add", "-s", "alice"}, "{PLAIN}x\n") == 0);
  CHECK(house.run({"apppass", "add", "--scope", "imap,smtp", "--expires", "2999-01-31", "alice",
                   "phone"}) == 0);
  CHECK(house.out.starts_with("alice@example.test: app password phone, shown only now: "));
  CHECK(house.run({"apppass", "list", "alice"}) == 0);
  CHECK(house.out.starts_with("phone\timap,smtp\texpires 2999-02-01 00:00:00\tnot used yet\n"));
  CHECK(house.run({"apppass", "list", "--json", "alice"}) == 0);
  CHECK(house.out.starts_with("[{\"name\": \"phone\", \"scope\": \"imap,smtp\", \"expires\": "));
  CHECK(house.run({"apppass", "add", "alice", "phone"}) == 1);
  CHECK(house.run({"apppass", "add", "--scope", "ftp", "alice", "b"}) == 1);
  CHECK(house.run({"apppass", "add", "--expires", "soon", "alice", "b"}) == 1);
  CHECK(house.run({"apppass", "del", "alice", "phone"}) == 0);
  CHECK(house.run({"apppass", "del", "alice", "phone"}) == 1);
  CHECK(house.err == "pennypost user: fatal: alice@example.test has no app password phone\n");
  CHECK(house.run({"apppass", "list", "alice"}) == 0);
  CHECK(house.out.empty());
  CHECK(house.run({"apppass", "make", "alice", "b"}) == 1);
  CHECK(house.run({"list", "--scope", "imap"}) == 1);
}
