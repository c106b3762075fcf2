#include "store/sharing/acl.h"

#include <doctest/doctest.h>

#include "common/base/scratch.h"
#include "store/mailbox/file.h"
#include "store/sharing/share_register.h"

using namespace pennypost;
using namespace pennypost::store;
using Kind = Identifier::Kind;

namespace {

Acl parsed(std::string_view text) {
  auto acl = Acl::parse(text);
  REQUIRE(acl);
  return *std::move(acl);
}

std::string rights(std::string_view text, const std::string& user, bool is_owner = false) {
  return parsed(text).rights_of({user, is_owner}).letters();
}

}  // namespace

TEST_CASE("rights are letters, and the obsolete ones stand for others") {
  CHECK(Rights::parse("rl")->letters() == "lr");
  CHECK(Rights::parse("cd")->letters() == "tekx");
  CHECK(Rights::parse("lk")->letters_with_obsolete() == "lkc");
  CHECK(Rights::parse("e")->letters_with_obsolete() == "ed");
  CHECK(Rights::parse_name("write-seen")->letters() == "s");
  CHECK(*Rights::parse_name("all") == Rights::all());
  CHECK(Rights::parse("lq").error().code() == 501);
}

TEST_CASE("of the lines that fit a visitor those of the last kind count") {
  CHECK(rights("anyone lr\n", "bob") == "lr");
  CHECK(rights("anyone lr\nauthenticated lrs\n", "bob") == "lrs");
  CHECK(rights("user=bob l\nanyone lr\n", "bob") == "l");
  CHECK(rights("user=bob l\nanyone lr\n", "carl") == "lr");
  CHECK(rights("user=bob\nanyone lr\n", "bob") == "");
  CHECK(rights("group=staff lr\n", "bob") == "");
  CHECK(rights("user=carl lr\n", "bob") == "");
  CHECK(rights("", "bob") == "");
  CHECK(parsed("user=bob lr\n").rights_of({"bob@example.test", false, "bob"}).letters() == "lr");
}

TEST_CASE("groups add up among themselves, and count between others as Dovecot has it") {
  struct {
    const char* acl;
    const char* visitor;
    const char* owner;
  } table[] = {
      // What Dovecot 2.3 says of a visitor in g1 and g2, and of an owner who is.
      {"group=g1 lr\n", "lr", "lrwstipekxa"},
      {"group=g1 lr\ngroup=g2 lw\n", "lrw", "lrwstipekxa"},
      {"group=g1 lr\n-group=g2 r\n", "l", "lrwstipekxa"},
      {"group=g1 lrw\n-group=g1 w\ngroup=g2 ls\n", "lrs", "lrwstipekxa"},
      {"anyone l\ngroup=g1 r\n", "r", "lrwstipekxa"},
      {"authenticated lrs\ngroup=gX lr\n", "lrs", "lrwstipekxa"},
      {"group=g1 lrw\nuser=tester lr\n", "lr", "lr"},
      {"user=tester lr\ngroup-override=g1 lw\n", "lw", "lw"},
      {"group-override=g1 lr\ngroup-override=g2 ls\n", "lrs", "lrs"},
      {"-group-override=g1 r\nuser=tester lrw\n", "lw", "lw"},
      {"owner lr\ngroup=g1 lw\n", "lw", "lr"},
      {"group=g1 lr\nowner lrwstipekxa\ngroup-override=g2 l\n", "l", "l"},
      {"-group=g1 w\ngroup=g2 lrw\n", "lr", "lrwstipekxa"},
      {"group=g2 lrw\n-group=g1 w\n-group=g2 r\n", "l", "lrwstipekxa"},
      {"user=tester lrwst\n-group=g1 w\n", "lrst", "lrwst"},
      {"group=G1 lr\n", "", "lrwstipekxa"},
      {"anyone lr\n-anyone r\ngroup=g1 lrw\n", "lw", "lrwstipekxa"},
      {"-group-override=g1 w\ngroup-override=g2 lrw\nanyone lrs\n", "lrs", "lrstipekxa"},
  };
  for (const auto& row : table) {
    CAPTURE(std::string(row.acl));
    Visitor visitor{"tester", false, "", {"g1", "g2"}};
    CHECK(parsed(row.acl).rights_of(visitor).letters() == row.visitor);
    visitor.is_owner = true;
    CHECK(parsed(row.acl).rights_of(visitor).letters() == row.owner);
  }
}

TEST_CASE("a line with a minus takes away what another grants") {
  CHECK(rights("anyone lrwst\n-user=bob wst\n", "bob") == "lr");
  CHECK(rights("-anyone w\nuser=bob lrw\n", "bob") == "lr");
  CHECK(rights("user=bob lrw\n-user=bob r\n", "bob") == "lw");
}

TEST_CASE("an owner has all rights unless a line for owners says otherwise") {
  CHECK(rights("anyone l\n", "ann", true) == Rights::all().letters());
  CHECK(rights("owner lra\n", "ann", true) == "lra");
  CHECK(rights("owner lra\nuser=ann l\n", "ann", true) == "l");
}

TEST_CASE("a list is written as it was read, with names of rights that are not ours") {
  constexpr std::string_view text =
      "anyone l\nuser=bob lr :more,other\n-user=bob w\n\"user=with blank\" lr\n";
  CHECK(parsed(text).text() == text);
  CHECK(rights("user=bob :lookup,read\n", "bob") == "lr");
  CHECK(parsed("# remark\n\nuser=bob l\nuser=bob r\n").text() == "user=bob lr\n");
}

TEST_CASE("a line that can't be understood makes the whole list void") {
  for (std::string_view text :
       {"bob lr\n", "user= lr\n", "user=bob lq\n", "user=bob lr more\n", "\"user=bob lr\n",
        "\"user=bob\"lr\n", "user=bob lc\n", "user=b\001b l\n"}) {
    CAPTURE(text);
    auto acl = Acl::parse(text);
    REQUIRE_FALSE(acl);
    CHECK(acl.error().response_code() == ResponseCode::Corruption);
  }
  CHECK(Acl::parse("user=a l\nbob l\n").error().text().starts_with("line 2: "));
}

TEST_CASE("a mailbox can be shared with so many identifiers, and no more") {
  std::string text;
  for (std::size_t i = 0; i < Acl::entries_max; ++i) text += "user=u" + std::to_string(i) + " l\n";
  auto acl = parsed(text);
  AclChange change{{Kind::User, "another"}, false, AclChange::Mode::Replace, Rights::Read};
  CHECK(acl.change(change, "ann").error().response_code() == ResponseCode::Limit);
  change.who.name = "u7";
  CHECK(acl.change(change, "ann"));
  CHECK_FALSE(Acl::parse(text + "user=another l\n"));
}

TEST_CASE(
    "SETACL replaces, adds and removes rights, and leaves the owner the right to administer") {
  Acl acl;
  auto change = [&](Identifier who, AclChange::Mode mode, std::string_view letters) {
    REQUIRE(acl.change({who, false, mode, *Rights::parse(letters)}, "ann"));
    return acl.text();
  };
  using Mode = AclChange::Mode;
  Identifier bob{Kind::User, "bob"};
  CHECK(change(bob, Mode::Replace, "lr") == "user=bob lr\n");
  CHECK(change(bob, Mode::Add, "s") == "user=bob lrs\n");
  CHECK(change(bob, Mode::Remove, "r") == "user=bob ls\n");
  CHECK(change({Kind::User, "ann"}, Mode::Replace, "l") == "owner la\nuser=bob ls\n");
  CHECK(change({Kind::Owner, ""}, Mode::Remove, "a") == "owner la\nuser=bob ls\n");
  CHECK(change(bob, Mode::Replace, "") == "owner la\n");
  REQUIRE(acl.change({{Kind::Owner, ""}, false, Mode::Replace, {}, true}, "ann"));
  CHECK(acl.empty());
  CHECK(change({Kind::Owner, ""}, Mode::Remove, "x") == "owner lrwstipeka\n");
}

TEST_CASE("a user's lines follow the user's name, or go with it") {
  auto acl = parsed("user=bob lr\n-user=bob w\nuser=carl l\n");
  CHECK(acl.rename_user("bob", "robert"));
  CHECK(acl.text() == "user=carl l\nuser=robert lr\n-user=robert w\n");
  CHECK(acl.rename_user("carl", ""));
  CHECK_FALSE(acl.rename_user("carl", ""));
  CHECK(acl.text() == "user=robert lr\n-user=robert w\n");
}

TEST_CASE("identifiers of IMAP are those of the file in other words") {
  for (auto [imap, file] : {std::pair{"bob", "user=bob"},
                            {"$staff", "group=staff"},
                            {"!$staff", "group-override=staff"},
                            {"anyone", "anyone"},
                            {"authenticated", "authenticated"},
                            {"owner", "owner"}}) {
    auto who = Identifier::parse_imap(imap);
    REQUIRE(who);
    CHECK(who->text() == file);
    CHECK(who->imap_text() == imap);
    CHECK(*Identifier::parse(file) == *who);
  }
  CHECK_FALSE(Identifier::parse_imap("#bob"));
  CHECK_FALSE(Identifier::parse_imap(std::string(Identifier::identifier_bytes_max + 1, 'x')));
}

TEST_CASE("the register names those who share with a visitor, as the file is now") {
  Scratch scratch;
  ShareRegister shares(scratch / ".");
  CHECK(shares.owners_for({"bob"}).empty());
  REQUIRE(shares.set("carl", {"user=bob"}));
  REQUIRE(shares.set("ann", {"anyone"}));
  REQUIRE(shares.set("dora", {"user=eve"}));
  CHECK(shares.owners_for({"bob"}) == std::vector<std::string>{"ann", "carl"});
  CHECK(*shares.owners_of("user=eve") == std::vector<std::string>{"dora"});
  // As another process does it.
  REQUIRE(ShareRegister(scratch / ".").set("carl", {}));
  CHECK(shares.owners_for({"bob"}) == std::vector<std::string>{"ann"});
  REQUIRE(replace_file(scratch / ".shared-mailboxes", scratch / "new", "nonsense\n"));
  CHECK(shares.owners_for({"bob"}).empty());
  CHECK(shares.set("ann", {}).error().response_code() == ResponseCode::Corruption);
}

TEST_CASE("the register names so many owners to a visitor, and no more") {
  Scratch scratch;
  std::string text = "pennypost-shares 1\n";
  for (std::size_t i = 0; i <= ShareRegister::owners_max; ++i) {
    text += "user=bob\tu" + std::to_string(i) + "\n";
  }
  REQUIRE(replace_file(scratch / ".shared-mailboxes", scratch / "new", text));
  CHECK(ShareRegister(scratch / ".").owners_for({"bob"}).size() == ShareRegister::owners_max);
}
