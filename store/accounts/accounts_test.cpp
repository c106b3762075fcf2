#include "store/accounts/accounts.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "common/async/inquiry.h"
#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/crypto/password.h"
#include "store/accounts/authenticator.h"
#include "store/accounts/own_users.h"
#include "store/accounts/scram_coverage.h"
#include "store/maps/build.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

class FakeUsers final : public SystemUsers {
 public:
  Result<std::optional<Identity>> find(const std::string& name) const override {
    if (name == "flaky") return Error::temporary("directory is down");
    std::optional<Identity> identity;
    static const std::map<std::string, uid_t> uids{{"root", 0},       {"daemon", 1},
                                                   {"bob", 1000},     {"ann", 1001},
                                                   {"nobody", 65534}, {"pennymail", 800}};
    auto found = uids.find(name);
    if (found == uids.end()) return identity;
    identity.emplace();
    identity->name = name;
    identity->uid = identity->gid = found->second;
    identity->home = "/home/" + name;
    return identity;
  }
  Result<bool> verify(const std::string& name, const Secret& password,
                      const std::string&) const override {
    ++asked;
    return name == "bob" && password.reveal() == "builder";
  }
  bool has_home(const Identity& identity) const override { return identity.name != "nobody"; }
  mutable int asked = 0;
};

struct House {
  Scratch scratch;
  std::shared_ptr<const SystemUsers> system = std::make_shared<FakeUsers>();
  std::shared_ptr<const Config> config;

  explicit House(std::vector<std::string> more = {}) {
    std::vector<std::string> settings{"users_map=hash:" + scratch / "users",
                                      "credentials_map=hash:" + scratch / "credentials",
                                      "virtual_mailbox_base=" + scratch / "vmail",
                                      "auth_realm=example.test",
                                      "mydestination=example.test, localhost",
                                      "system_users=yes",
                                      "recipient_delimiter=+",
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
    auto added = own().add(name, *credentials);
    if (!added) FAIL(added.error().text());
  }
  Accounts accounts() const {
    auto opened = Accounts::open(config, system);
    REQUIRE(opened);
    return std::move(*opened);
  }
  Authenticator authenticator() const {
    auto opened = Authenticator::open(config, system, "server secret");
    REQUIRE(opened);
    return std::move(*opened);
  }
};

std::string name_of(const Result<std::optional<AccountRef>>& account) {
  if (!account) return "error " + std::to_string(account.error().code());
  return *account ? (*account)->name : "(none)";
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("an own user is known by address and by a bare name of the realm, in any case") {
  House house;
  house.add("Alice@Example.TEST", "{PLAIN}wonder");
  auto accounts = house.accounts();
  for (const char* login : {"alice@example.test", "ALICE@EXAMPLE.TEST", "alice", "Alice"}) {
    CAPTURE(login);
    CHECK(name_of(accounts.by_login(login)) == "alice@example.test");
  }
  for (const char* login : {"", "alic", "alice@example.org", "@example.test", "a/../b", ".alice"}) {
    CAPTURE(login);
    CHECK(name_of(accounts.by_login(login)) == "(none)");
  }
  auto account = accounts.by_name("alice@example.test");
  REQUIRE(account);
  REQUIRE(*account);
  CHECK_FALSE((*account)->is_system);
  CHECK((*account)->home == house.scratch / "vmail/example.test/alice");
  CHECK((*account)->mail_location ==
        "maildir:" + house.scratch / "vmail/example.test/alice/Maildir");
}

TEST_CASE("a system user is known by name, and by a final domain, if the uid may own mail") {
  House house;
  house.add("alice", "{PLAIN}wonder");
  auto accounts = house.accounts();
  CHECK(name_of(accounts.by_login("bob")) == "bob");
  CHECK(name_of(accounts.by_login("Bob@localhost")) == "bob");
  CHECK(name_of(accounts.by_login("bob@example.org")) == "(none)");
  CHECK(name_of(accounts.by_login("root")) == "(none)");
  CHECK(name_of(accounts.by_login("daemon")) == "(none)");
  CHECK(name_of(accounts.by_login("flaky")).starts_with("error 4"));
  auto bob = accounts.by_name("bob");
  REQUIRE(*bob);
  CHECK((*bob)->is_system);
  CHECK((*bob)->uid == 1000);
  CHECK((*bob)->mail_location == "mbox:/home/bob/mail:INBOX=/var/mail/bob");
}

TEST_CASE("an address leads to an own user first, then to a system user, extensions aside") {
  House house;
  house.add("alice", "{PLAIN}wonder");
  house.add("ann", "{PLAIN}other");
  auto accounts = house.accounts();
  CHECK(name_of(accounts.by_address("alice", "example.test")) == "alice@example.test");
  CHECK(name_of(accounts.by_address("Alice+list", "example.test")) == "alice@example.test");
  CHECK(name_of(accounts.by_address("ann", "example.test")) == "ann@example.test");
  CHECK(name_of(accounts.by_address("ann", "localhost")) == "ann");
  CHECK(name_of(accounts.by_address("bob+x", "localhost")) == "bob");
  CHECK(name_of(accounts.by_address("nobody.here", "example.test")) == "(none)");
  auto root = accounts.by_address("root", "localhost");
  REQUIRE_FALSE(root);
  CHECK(root.error().code() == 450);
  CHECK(root.error().text().find("alias") != std::string::npos);
  CHECK(name_of(accounts.by_address("flaky", "localhost")).starts_with("error 4"));
}

TEST_CASE("in a hosted domain an address leads to own users alone, extensions aside") {
  House house;
  house.add("alice", "{PLAIN}wonder");
  auto accounts = house.accounts();
  CHECK(name_of(accounts.own_by_address("Alice", "example.test")) == "alice@example.test");
  CHECK(name_of(accounts.own_by_address("alice+list", "example.test")) == "alice@example.test");
  for (const char* local : {"bob", "bob+x", "root", "flaky", "alice"}) {
    CAPTURE(local);
    CHECK(name_of(accounts.own_by_address(local, "localhost")) == "(none)");
  }
}

TEST_CASE("the accounts of services have no mailbox: their uid is too low, or they have no home") {
  House house;
  auto accounts = house.accounts();
  for (const char* name : {"daemon", "daemon+x", "nobody"}) {
    CAPTURE(name);
    CHECK(name_of(accounts.by_address(name, "localhost")) == "(none)");
    CHECK(name_of(accounts.by_login(name)) == "(none)");
  }
}

namespace {

// Users of a database in which one look-up hangs until the test lets it go.
class HangingUsers final : public SystemUsers {
 public:
  Result<std::optional<Identity>> find(const std::string& name) const override {
    if (name == "hung") open.wait(false);
    return users.find(name);
  }
  bool has_home(const Identity& identity) const override { return users.has_home(identity); }
  Result<bool> verify(const std::string& name, const Secret& password,
                      const std::string& client) const override {
    return users.verify(name, password, client);
  }
  std::atomic<bool> open = false;
  FakeUsers users;
};

}  // namespace

TEST_CASE("system users asked through a source are found alike; one that hangs is try later") {
  House house;
  auto users = std::make_shared<HangingUsers>();
  SlowSource::Limits limits;
  limits.threads = 2;
  limits.deadline = Duration(200);
  auto source = std::make_shared<SlowSource>("user database", limits);
  house.system = SystemUsers::asked_through(source, users);
  auto accounts = house.accounts();
  Loop loop;
  auto at = [&](std::string_view local) {
    Inquiry inquiry;
    auto by_address = [&] { return accounts.by_address(local, "localhost"); };
    return name_of(loop.run_until(inquiry.run(loop, by_address)));
  };
  CHECK(at("bob") == "bob");
  CHECK(at("bob+list") == "bob");
  CHECK(at("nobody") == "(none)");  // without a home
  CHECK(at("zoe") == "(none)");
  CHECK(at("root") == "error 450");
  CHECK(at("flaky") == "error 451");
  CHECK(name_of(accounts.by_address("bob", "localhost")) == "bob");  // outside of an inquiry
  CHECK(at("hung") == "error 451");
  CHECK(source->lost() == 1);
  CHECK(at("bob") == "bob");
  users->open = true;
  users->open.notify_all();
}

TEST_CASE("without system_users nobody but own users exists") {
  House house({"system_users=no"});
  house.add("alice", "{PLAIN}wonder");
  auto accounts = house.accounts();
  CHECK(name_of(accounts.by_login("bob")) == "(none)");
  CHECK(name_of(accounts.by_address("root", "localhost")) == "(none)");
}

TEST_CASE("a host without any own user yet has none, and knows the first as soon as it is added") {
  House house;
  auto accounts = house.accounts();
  CHECK(name_of(accounts.by_address("zoe", "example.test")) == "(none)");
  CHECK(name_of(accounts.by_address("bob", "localhost")) == "bob");
  CHECK(name_of(accounts.by_login("zoe@example.test")) == "(none)");
}

TEST_CASE("own users that are written but not built are an error, not unknown users") {
  House house;
  std::ofstream(house.scratch / "users") << "zoe@example.test\t\n";
  auto accounts = house.accounts();
  CHECK(name_of(accounts.by_address("zoe", "example.test")).starts_with("error 4"));
}

TEST_CASE("a users map that can't be read is an error, not an unknown user") {
  House house({"users_map=texthash:/nonexistent/users"});
  auto accounts = house.accounts();
  CHECK(name_of(accounts.by_login("alice")).starts_with("error 4"));
  CHECK(name_of(accounts.by_address("alice", "example.test")).starts_with("error 4"));
}

TEST_CASE("an entry's own fields win over the defaults, and wrong ones are named") {
  House house({"quota_rule=*:storage=10M"});
  OwnUserFields fields;
  fields.home = "/srv/alice";
  fields.mail = "maildir:~/mail/%n";
  fields.quota_rule = "*:storage=1G:messages=500";
  REQUIRE(house.own().add("alice", {"{PLAIN}x", ""}, fields));
  house.add("carol", "{PLAIN}y");
  auto accounts = house.accounts();
  auto alice = accounts.by_login("alice");
  REQUIRE(*alice);
  CHECK((*alice)->mail_location == "maildir:/srv/alice/mail/alice");
  CHECK((*alice)->quota == "*:bytes=1073741824:messages=500");
  CHECK((**accounts.by_login("carol")).quota == "*:bytes=10485760");
  for (const char* value : {"home=relative", "what=x", "home=/a mail=dbox:~/x", "quota_rule=1G",
                            "quota_rule=*:storage=1X", "quota_rule=*:storage=99999999999T"}) {
    CAPTURE(value);
    CHECK_FALSE(OwnUserFields::parse(value));
  }
}

TEST_CASE("the right password opens an account, everything else answers the same") {
  House house;
  auto made = StoredCredentials::make(Secret("wonder land"));
  REQUIRE(made);
  REQUIRE(house.own().add("alice", *made));
  house.add("carol", "{PLAIN}plain text");
  auto authenticator = house.authenticator();
  CHECK(name_of(authenticator.verify("alice", Secret("wonder land"))) == "alice@example.test");
  CHECK(name_of(authenticator.verify("carol@example.test", Secret("plain text"))) ==
        "carol@example.test");
  CHECK(name_of(authenticator.verify("bob", Secret("builder"))) == "bob");
  CHECK(name_of(authenticator.verify("alice", Secret("wonder"))) == "(none)");
  CHECK(name_of(authenticator.verify("alice", Secret(""))) == "(none)");
  CHECK(name_of(authenticator.verify("carol", Secret("plain"))) == "(none)");
  CHECK(name_of(authenticator.verify("bob", Secret("wonder land"))) == "(none)");
  CHECK(name_of(authenticator.verify("mallory", Secret("wonder land"))) == "(none)");
}

TEST_CASE("who does not exist costs the same work as a wrong password") {
  House house;
  auto made = StoredCredentials::make(Secret("wonder land"));
  REQUIRE(made);
  REQUIRE(house.own().add("alice", *made));
  auto users = std::make_shared<FakeUsers>();
  int own = 0;
  PasswordHashing hashing;
  hashing.verify = [&](const Secret&, std::string_view) -> Result<bool> {
    ++own;
    return false;
  };
  hashing.verify_nothing = [&](const Secret&) {
    ++own;
    return false;
  };
  auto authenticator = Authenticator::open(house.config, users, "server secret", {}, hashing);
  REQUIRE(authenticator);
  struct Row {
    const char* login;
    const char* password;
    int own_hashes;
    int asked_of_pam;
  };
  for (const Row& row :
       {Row{"alice@example.test", "wrong", 1, 0}, Row{"mallory@example.test", "wrong", 1, 0},
        Row{"alice@example.test", "fälsch", 2, 0}, Row{"mallory@example.test", "fälsch", 2, 0},
        Row{"mallory@elsewhere.test", "wrong", 1, 0}, Row{"bob", "wrong", 0, 1},
        Row{"mallory", "wrong", 0, 1}, Row{"root", "wrong", 0, 1}}) {
    CAPTURE(row.login);
    own = users->asked = 0;
    CHECK(name_of(authenticator->verify(row.login, Secret(row.password))) == "(none)");
    CHECK(own == row.own_hashes);
    CHECK(users->asked == row.asked_of_pam);
  }
}

TEST_CASE("SCRAM keys are those stored, or derived from a plain password; else there are none") {
  House house;
  auto made = StoredCredentials::make(Secret("wonder"));
  REQUIRE(made);
  REQUIRE(house.own().add("alice", *made));
  house.add("carol", "{PLAIN}plain");
  house.add("dora", "{SHA512-CRYPT}$6$x$y");
  auto authenticator = house.authenticator();
  auto alice = authenticator.scram_keys("alice");
  REQUIRE(alice);
  REQUIRE(*alice);
  CHECK((*alice)->text() == made->scram);
  CHECK((*alice)->fits(Secret("wonder")));
  auto carol = authenticator.scram_keys("carol");
  REQUIRE(*carol);
  CHECK((*carol)->fits(Secret("plain")));
  CHECK((*carol)->salt == (**authenticator.scram_keys("carol")).salt);
  CHECK_FALSE(authenticator.scram_keys("dora")->has_value());
  CHECK_FALSE(authenticator.scram_keys("bob")->has_value());
  CHECK_FALSE(authenticator.scram_keys("mallory")->has_value());

  // What an exchange proves holds as long as the keys do.
  auto old_key = (*alice)->stored_key;
  CHECK(name_of(authenticator.account_with_key("alice", old_key)) == "alice@example.test");
  CHECK(name_of(authenticator.account_with_key("carol", (*carol)->stored_key)) ==
        "carol@example.test");
  CHECK(name_of(authenticator.account_with_key("carol", old_key)) == "(none)");
  CHECK(name_of(authenticator.account_with_key("dora", "")) == "(none)");
  CHECK(name_of(authenticator.account_with_key("bob", "")) == "(none)");
  REQUIRE(house.own().change_password("alice", *StoredCredentials::make(Secret("wonder"))));
  CHECK(name_of(house.authenticator().account_with_key("alice", old_key)) == "(none)");
}

TEST_CASE("SCRAM serves all while every own user has keys, and no system user may log in") {
  House house({"system_users=no"});
  auto authenticator = house.authenticator();
  CHECK(authenticator.scram_serves_all());
  auto made = StoredCredentials::make(Secret("wonder"));
  REQUIRE(house.own().add("alice", *made));
  house.add("carol", "{PLAIN}plain");
  CHECK(house.authenticator().scram_serves_all());
  house.add("dora", "{SHA512-CRYPT}$6$x$y");
  CHECK_FALSE(house.authenticator().scram_serves_all());
  REQUIRE(house.own().change_password("dora", *made));
  CHECK(house.authenticator().scram_serves_all());
  House mixed;
  REQUIRE(mixed.own().add("alice", *made));
  CHECK_FALSE(mixed.authenticator().scram_serves_all());
}

TEST_CASE(
    "an imported hash takes SCRAM away within the check interval, and its end brings it back") {
  ManualClock clock;
  MapOptions options;
  options.clock = &clock;
  Scratch scratch;
  auto build = [&](const std::string& text) {
    std::ofstream(scratch / "credentials") << text;
    BuildOptions quiet;
    REQUIRE(build_map(scratch / "credentials", quiet));
    clock.advance(Seconds{1});
  };
  std::string keys = "{SCRAM-SHA-256}" + ScramKeys::derive(Secret("x")).text();
  build("a@x.test {ARGON2ID}$argon2id$x " + keys + "\n");
  auto table = TableRef::parse("hash:" + scratch / "credentials");
  auto map = Map::open(*table, options);
  REQUIRE(map);
  ScramCoverage coverage(std::move(*map));
  CHECK(coverage.is_complete());
  build("a@x.test " + keys + "\nb@x.test {SHA512-CRYPT}$6$x$y\n");
  CHECK_FALSE(coverage.is_complete());
  CHECK_FALSE(coverage.is_complete());
  build("a@x.test " + keys + "\nb@x.test nonsense\n");
  CHECK_FALSE(coverage.is_complete());
  build("a@x.test " + keys + "\n");
  CHECK(coverage.is_complete());
}

TEST_CASE("what can't be listed or read covers nobody, and what is not there everybody") {
  Scratch scratch;
  auto covers = [](const std::string& table) {
    auto map = Map::open(*TableRef::parse(table));
    REQUIRE(map);
    return ScramCoverage(std::move(*map)).is_complete();
  };
  CHECK_FALSE(covers("static:x"));
  CHECK_FALSE(covers("hash:" + scratch / "credentials"));
  CHECK(covers("inline:{{a@x.test={PLAIN}x}}"));
  CHECK(ScramCoverage(nullptr).is_complete());
}

TEST_CASE("stored credentials are read back as they were written") {
  for (const char* text : {"{PLAIN}two words {x}", "{ARGON2ID}$argon2id$a"}) {
    CAPTURE(text);
    auto parsed = StoredCredentials::parse(text);
    REQUIRE(parsed);
    CHECK(parsed->text() == text);
    CHECK(StoredCredentials::parse(parsed->text())->password == parsed->password);
  }
  std::string keys = "{SCRAM-SHA-256}" + ScramKeys::derive(Secret("x")).text();
  auto both = StoredCredentials::parse(keys + " {PLAIN}a b");
  REQUIRE(both);
  CHECK(both->text() == keys + " {PLAIN}a b");
  CHECK_FALSE(StoredCredentials::parse(""));
  CHECK_FALSE(StoredCredentials::parse("{SCRAM-SHA-256}1,2,3"));
}

TEST_CASE("users are added, changed, listed and removed, and their files keep their comments") {
  House house;
  std::ofstream(house.scratch / "users") << "# our users\nzoe@example.test  home=/z\n   # within\n";
  auto own = house.own();
  CHECK(*own.add("Alice", {"{PLAIN}one", ""}) == "alice@example.test");
  auto again = own.add("alice@example.test", {"{PLAIN}two", ""});
  REQUIRE_FALSE(again);
  CHECK(again.error().text().find("exists") != std::string::npos);
  auto list = own.list();
  REQUIRE(list);
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].name == "alice@example.test");
  CHECK((*list)[1].fields.home == "/z");

  auto authenticator = house.authenticator();
  CHECK(name_of(authenticator.verify("alice", Secret("one"))) == "alice@example.test");
  REQUIRE(own.change_password("alice", {"{PLAIN}three", ""}));
  CHECK(name_of(house.authenticator().verify("alice", Secret("three"))) == "alice@example.test");
  CHECK_FALSE(own.change_password("nobody", {"{PLAIN}x", ""}));

  REQUIRE(own.remove("alice"));
  CHECK_FALSE(own.remove("alice"));
  CHECK(name_of(house.accounts().by_login("alice")) == "(none)");
  CHECK(text_of(house.scratch / "users") ==
        "# our users\nzoe@example.test  home=/z\n   # within\n");
  CHECK(text_of(house.scratch / "credentials").empty());
}

TEST_CASE("credentials are never readable by others, neither their source nor their table") {
  House house;
  house.add("alice", "{PLAIN}one");
  for (const auto& entry : fs::recursive_directory_iterator(house.scratch.path())) {
    if (entry.is_symlink() || entry.path().string().find("credentials") == std::string::npos)
      continue;
    CAPTURE(entry.path().string());
    auto others = fs::perms::group_all | fs::perms::others_all;
    CHECK((entry.status().permissions() & others & ~fs::perms::group_exec) == fs::perms::none);
  }
}

TEST_CASE("a name that is no address, or no name for a directory, is refused") {
  House house;
  auto own = house.own();
  for (const char* name : {"", "a b", "a/b", "a+b", "../x", ".a", "a@", "@b", "a@b@c", "a%b",
                           "\"a b\"@example.test", "a@[192.0.2.1]", "a:b", "a\u00a0b", "a\u200db",
                           "\u202ea", "a\u2044b", "\xe4@example.test", "a@\u2ff0.test"}) {
    CAPTURE(name);
    CHECK_FALSE(own.add(name, {"{PLAIN}x", ""}));
  }
  CHECK(*own.full_name("Bob.Smith@Sub.Example.TEST") == "bob.smith@sub.example.test");
}

TEST_CASE("a user is one user in every spelling of the local part and the domain") {
  House house;
  auto own = house.own();
  CHECK(*own.add("Jos\u00e9@B\u00fccher.test", {"{PLAIN}one", ""}) ==
        "jos\u00e9@xn--bcher-kva.test");
  for (std::string name : {"jos\u00e9@b\u00fccher.test", "JOSE\u0301@xn--bcher-kva.test",
                           "Jos\u00e9@BU\u0308CHER.TEST"}) {
    CAPTURE(name);
    CHECK_FALSE(own.add(name, {"{PLAIN}two", ""}));
    CHECK(name_of(house.accounts().by_login(name)) == "jos\u00e9@xn--bcher-kva.test");
    CHECK(name_of(house.authenticator().verify(name, Secret("one"))) ==
          "jos\u00e9@xn--bcher-kva.test");
    auto at = name.find('@');
    CHECK(name_of(house.accounts().by_address(name.substr(0, at), name.substr(at + 1))) ==
          "jos\u00e9@xn--bcher-kva.test");
  }
  CHECK(own.list()->front().name == "jos\u00e9@xn--bcher-kva.test");
  REQUIRE(own.remove("JOS\u00c9@b\u00fccher.test"));
  CHECK(own.list()->empty());
}

TEST_CASE("a user whose line was written by hand with U-labels is found, changed and removed") {
  House house;
  house.add("alice", "{PLAIN}one");
  std::ofstream(house.scratch / "users", std::ios::app) << "eva@b\u00fccher.test home=/e\n";
  auto own = house.own();
  REQUIRE(own.change_password("eva@xn--bcher-kva.test", {"{PLAIN}two", ""}));
  house.add("bob", "{PLAIN}three");
  CHECK(name_of(house.authenticator().verify("eva@b\u00fccher.test", Secret("two"))) ==
        "eva@xn--bcher-kva.test");
  REQUIRE(own.remove("eva@b\u00fccher.test"));
  CHECK(text_of(house.scratch / "users").find("eva") == std::string::npos);
}

TEST_CASE("a mistake in a source leaves everything as it was") {
  House house;
  house.add("alice", "{PLAIN}one");
  std::ofstream(house.scratch / "users", std::ios::app) << "broken\n";
  auto added = house.own().add("carol", {"{PLAIN}x", ""});
  REQUIRE_FALSE(added);
  CHECK(added.error().text().starts_with(house.scratch / "users:2: "));
  CHECK(name_of(house.accounts().by_login("alice")) == "alice@example.test");
}
