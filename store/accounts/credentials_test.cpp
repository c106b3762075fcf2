#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/crypto/random.h"
#include "store/accounts/app_password.h"
#include "store/accounts/authenticator.h"
#include "store/accounts/own_users.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

/// None but the owner of own users' mail.
class NoSystemUsers final : public SystemUsers {
 public:
  Result<std::optional<Identity>> find(const std::string& name) const override {
    if (name != "root") return std::optional<Identity>();
    Identity owner;
    owner.name = name;
    return std::optional(std::move(owner));
  }
  Result<bool> verify(const std::string&, const Secret&, const std::string&) const override {
    return false;
  }
  bool has_home(const Identity&) const override { return false; }
};

struct House {
  Scratch scratch;
  std::shared_ptr<const Config> config;
  int hashes = 0;

  explicit House(std::vector<std::string> more = {}) {
    std::vector<std::string> settings{"users_map=hash:" + scratch / "users",
                                      "credentials_map=hash:" + scratch / "credentials",
                                      "virtual_mailbox_base=" + scratch / "vmail",
                                      "auth_realm=example.test",
                                      "virtual_mail_owner=root",
                                      "auth_user=" + std::string("root")};
    settings.insert(settings.end(), more.begin(), more.end());
    config = config_for_test(settings);
  }
  OwnUsers own() const {
    auto users = OwnUsers::open(config);
    REQUIRE(users);
    return std::move(*users);
  }
  void add(const std::string& name, const std::string& stored) const {
    auto credentials = StoredCredentials::parse(stored);
    REQUIRE(credentials);
    REQUIRE(own().add(name, *credentials));
  }
  Authenticator authenticator() {
    PasswordHashing hashing;
    hashing.verify = [this](const Secret& password, std::string_view form) {
      ++hashes;
      return verify_password(password, form);
    };
    MapOptions options;
    options.check_interval = Microseconds{0};
    auto opened = Authenticator::open(config, std::make_shared<NoSystemUsers>(), "server secret",
                                      options, hashing);
    REQUIRE(opened);
    return std::move(*opened);
  }
};

bool opens(const Authenticator& authenticator, const std::string& login,
           const std::string& password, const std::string& service = "imap") {
  PasswordUse use;
  use.service = service;
  auto match = authenticator.match(login, Secret(password), use);
  REQUIRE(match);
  return match->has_value();
}

}  // namespace

TEST_CASE("a right password is remembered, a wrong one is not") {
  House house;
  house.add("alice", *hash_password_as(Secret("wonder"), "SHA512-CRYPT"));
  auto authenticator = house.authenticator();
  for (int i = 0; i < 3; ++i) CHECK(opens(authenticator, "alice", "wonder"));
  CHECK(house.hashes == 1);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(opens(authenticator, "alice", "Wonder"));
  CHECK(house.hashes == 4);
}

TEST_CASE("what is remembered is of no use once the password is another or the user is gone") {
  House house;
  house.add("alice", *hash_password_as(Secret("wonder"), "SHA512-CRYPT"));
  auto authenticator = house.authenticator();
  CHECK(opens(authenticator, "alice", "wonder"));
  auto other = StoredCredentials::parse(*hash_password_as(Secret("land"), "SHA512-CRYPT"));
  REQUIRE(house.own().change_password("alice", *other));
  CHECK_FALSE(opens(house.authenticator(), "alice", "wonder"));
  CHECK_FALSE(opens(authenticator, "alice", "wonder"));
  CHECK(opens(authenticator, "alice", "land"));
  REQUIRE(house.own().remove("alice"));
  CHECK_FALSE(opens(authenticator, "alice", "land"));
}

TEST_CASE("with auth_cache_ttl or auth_cache_size 0 every password is hashed") {
  for (const char* off : {"auth_cache_ttl=0s", "auth_cache_size=0"}) {
    CAPTURE(off);
    House house({off});
    house.add("alice", *hash_password_as(Secret("wonder"), "SHA512-CRYPT"));
    auto authenticator = house.authenticator();
    for (int i = 0; i < 3; ++i) CHECK(opens(authenticator, "alice", "wonder"));
    CHECK(house.hashes == 3);
  }
}

TEST_CASE("what is remembered ends after its time, and the oldest makes room for the newest") {
  RememberedHashes hashes(3 * RememberedHashes::entry_bytes, 100);
  hashes.note("{X}form", Secret("a"), 1000);
  CHECK(hashes.knows("{X}form", Secret("a"), 1099));
  CHECK_FALSE(hashes.knows("{X}form", Secret("b"), 1099));
  CHECK_FALSE(hashes.knows("{X}other", Secret("a"), 1099));
  CHECK_FALSE(hashes.knows("{X}form", Secret("a"), 1100));
  CHECK(hashes.size() == 0);
  hashes.note("{X}form", Secret("a"), 1000);
  CHECK_FALSE(hashes.knows("{X}form", Secret("a"), 999));
  for (const char* one : {"a", "b", "c", "d"}) hashes.note("{X}form", Secret(one), 1000);
  CHECK_FALSE(hashes.knows("{X}form", Secret("a"), 1000));
  CHECK(hashes.knows("{X}form", Secret("d"), 1000));
}

TEST_CASE("an app password opens what its scope has, until it ends, however it is typed") {
  House house;
  house.add("alice", *hash_password_as(Secret("wonder"), "SHA512-CRYPT"));
  auto phone = make_app_password("phone", {"imap", "smtp"}, 0);
  auto old = make_app_password("old", {}, 1'000'000'000);
  REQUIRE(phone);
  REQUIRE(old);
  CHECK(phone->password.reveal().size() == 23);
  REQUIRE(house.own().add_app_password("alice", phone->stored));
  REQUIRE(house.own().add_app_password("alice", old->stored));
  auto authenticator = house.authenticator();
  std::string text(phone->password.reveal());
  CHECK(opens(authenticator, "alice", text));
  CHECK(opens(authenticator, "alice", text, "smtp"));
  std::erase(text, '-');
  CHECK(opens(authenticator, "alice", text));
  CHECK(house.hashes == 0);
  CHECK_FALSE(opens(authenticator, "alice", text, "pop3"));
  CHECK_FALSE(opens(authenticator, "alice", text, "managesieve"));
  CHECK_FALSE(opens(authenticator, "alice", std::string(old->password.reveal())));
  // What is refused costs what a wrong password costs.
  CHECK(house.hashes == 3);
  auto filters = make_app_password("filters", {"sieve"}, 0);
  REQUIRE(house.own().add_app_password("alice", filters->stored));
  CHECK(opens(house.authenticator(), "alice", std::string(filters->password.reveal()),
              "managesieve"));
  PasswordUse use;
  use.service = "imap";
  CHECK((**authenticator.match("alice", phone->password, use)).app_name == "phone");
  CHECK(opens(authenticator, "alice", "wonder"));
}

TEST_CASE("app passwords are listed, limited, removed, and outlive a change of the password") {
  House house({"app_passwords_per_user_max=2"});
  house.add("alice", "{PLAIN}wonder land");
  auto users = house.own();
  auto one = make_app_password("one", {}, 0);
  REQUIRE(users.add_app_password("alice", one->stored));
  CHECK_FALSE(users.add_app_password("alice", one->stored));
  REQUIRE(users.add_app_password("alice", make_app_password("two", {"pop3"}, 5)->stored));
  CHECK_FALSE(users.add_app_password("alice", make_app_password("three", {}, 0)->stored));
  CHECK_FALSE(users.add_app_password("zoe", one->stored));
  REQUIRE(users.change_password("alice", *StoredCredentials::make(Secret("other"))));
  auto apps = users.app_passwords("alice");
  REQUIRE(apps);
  REQUIRE(apps->size() == 2);
  CHECK(apps->at(1).scopes == std::vector<std::string>{"pop3"});
  CHECK(opens(house.authenticator(), "alice", std::string(one->password.reveal())));
  REQUIRE(users.remove_app_password("alice", "one"));
  CHECK_FALSE(users.remove_app_password("alice", "one"));
  CHECK_FALSE(opens(house.authenticator(), "alice", std::string(one->password.reveal())));
  for (const char* wrong : {"", "a b", "a:b", "this-name-is-longer-than-32-characters"}) {
    CHECK_FALSE(make_app_password(wrong, {}, 0));
  }
  CHECK_FALSE(make_app_password("x", {"ftp"}, 0));
}

TEST_CASE("a user with an app password is not served by SCRAM") {
  auto stored = StoredCredentials::make(Secret("wonder"));
  REQUIRE(stored);
  CHECK(stored->serves_scram());
  stored->apps.push_back(make_app_password("phone", {}, 0)->stored);
  CHECK_FALSE(stored->serves_scram());
  auto again = StoredCredentials::parse(stored->text());
  REQUIRE(again);
  CHECK(again->text() == stored->text());
  CHECK(StoredCredentials::parse("{PLAIN}a {APP} b")->apps.empty());
  CHECK_FALSE(StoredCredentials::parse("{APP}phone:ftp:0:AAAA:AAAA"));
}

TEST_CASE("a password of another system is stored as argon2id by its right password alone") {
  House house;
  house.add("alice", *hash_password_as(Secret("wonder"), "SSHA"));
  REQUIRE(house.own().add_app_password("alice", make_app_password("phone", {}, 0)->stored));
  auto authenticator = house.authenticator();
  auto account = authenticator.account("alice");
  REQUIRE(*account);
  CHECK(**authenticator.outdated_scheme(**account) == "{SSHA}");
  const std::string name = "alice@example.test";
  auto own = house.own();
  CHECK(own.renew({{name, Secret("thief")}, {"zoe@example.test", Secret("wonder")}})->empty());
  auto renewed = own.renew({{name, Secret("thief")}, {name, Secret("wonder")}});
  REQUIRE(renewed);
  REQUIRE(renewed->size() == 1);
  CHECK(renewed->front().name == name);
  CHECK(renewed->front().old_scheme == "{SSHA}");
  CHECK(own.renew({{name, Secret("wonder")}})->empty());
  auto after = house.authenticator();
  CHECK(opens(after, "alice", "wonder"));
  CHECK_FALSE(opens(after, "alice", "thief"));
  CHECK(own.app_passwords("alice")->size() == 1);
  CHECK_FALSE(*after.outdated_scheme(**account));
}

TEST_CASE("SCRAM works after a password of another system was stored anew") {
  House house;
  house.add("alice", *hash_password_as(Secret("wonder"), "SSHA"));
  CHECK_FALSE(*house.authenticator().scram_keys("alice"));
  REQUIRE(house.own().renew({{"alice@example.test", Secret("wonder")}})->size() == 1);
  CHECK(*house.authenticator().scram_keys("alice"));
}

TEST_CASE("fields of a user and of a domain are changed, and hold at the next look-up") {
  House house({"quota_rule=*:storage=5M"});
  house.add("alice", "{PLAIN}x");
  auto users = house.own();
  CHECK(*users.change_fields("alice", {{"allow_nets", "192.0.2.0/24"}, {"comment", "a b"}}) ==
        "alice@example.test");
  CHECK(*users.change_fields("@Example.TEST", {{"disabled", "yes"}}) == "@example.test");
  auto account = house.authenticator().account("alice");
  REQUIRE(*account);
  CHECK((**account).allow_nets == "192.0.2.0/24");
  CHECK((**account).is_disabled);
  CHECK((**account).quota == "*:bytes=5242880");
  CHECK(users.find("alice")->fields.comment == "a b");
  CHECK(users.list()->size() == 1);
  REQUIRE(users.change_fields("@example.test", {{"disabled", ""}}));
  CHECK_FALSE((**house.authenticator().account("alice")).is_disabled);
  CHECK_FALSE(*house.authenticator().accounts().by_name("@example.test"));
  CHECK_FALSE(users.change_fields("zoe", {{"comment", "x"}}));
  CHECK_FALSE(users.change_fields("alice", {{"colour", "x"}}));
  CHECK_FALSE(users.change_fields("@example.test", {{"home", "/x"}}));
  CHECK_FALSE(users.change_fields("@example.test", {{"admin", "yes"}}));
}
