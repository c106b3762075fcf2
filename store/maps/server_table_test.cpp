#include "store/maps/server_table.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/scratch.h"
#include "store/maps/source_settings.h"
#include "store/maps/sql_query.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

constexpr std::array rows{
    SourceSetting{"hosts", "one, two"},
    SourceSetting{"port", "7", SourceSetting::Number},
    SourceSetting{"secure", "no", SourceSetting::Flag},
};

Result<SourceSettings> parsed(std::string_view text) {
  return SourceSettings::parse(text, "/etc/t.cf", rows);
}

// Servers as the test wants them; what is asked of them is written down.
struct World {
  std::mutex mutex;
  std::map<std::string, bool> is_up{{"one", true}, {"two", true}};
  std::map<std::string, std::vector<std::string>> entries;
  std::string log;  // `+` connected, `-` failed to, `?` asked
  bool closes = false;
  std::vector<std::string> told;
};
World* world = nullptr;

class FakeConnection final : public ServerConnection {
 public:
  explicit FakeConnection(std::string host) : host_(std::move(host)) {}
  Result<void> ask(const std::string& key, FoundValues& found) override {
    std::lock_guard lock(world->mutex);
    world->log += "?" + host_ + " ";
    if (std::exchange(world->closes, false)) {
      state_ = State::Closed;
      return Error::temporary("closed");
    }
    if (key == "broken@x.test") return Error::temporary("no such table");
    for (const auto& value : world->entries[key]) {
      TRY_DO(found.add(value));
    }
    return {};
  }

 private:
  std::string host_;
};

class FakeServer final : public Server {
 public:
  explicit FakeServer(const SourceSettings& settings) { hosts_ = settings.words("hosts"); }
  bool serves(std::string_view key) const override { return key != "never"; }
  Result<std::unique_ptr<ServerConnection>> connect(const std::string& host) const override {
    std::lock_guard lock(world->mutex);
    world->log += (world->is_up[host] ? "+" : "-") + host + " ";
    if (!world->is_up[host]) return Error::temporary(host + " is down");
    return std::unique_ptr<ServerConnection>(std::make_unique<FakeConnection>(host));
  }
};

Result<std::shared_ptr<const Server>> make(const SourceSettings& settings) {
  return std::shared_ptr<const Server>(std::make_shared<FakeServer>(settings));
}

struct House {
  World things;
  Scratch scratch;
  MapOptions options;
  std::unique_ptr<Map> map;

  explicit House(std::string_view settings = "") {
    world = &things;
    std::ofstream(scratch / "t.cf") << settings;
    options.on_problem = [this](const std::string& text) {
      std::lock_guard lock(things.mutex);
      things.told.push_back(text.substr(text.find("t.cf") + 4));
    };
    map = open();
  }
  std::unique_ptr<Map> open() const {
    auto opened = open_server_table(TableRef{"fake", scratch / "t.cf"}, options, rows, &make);
    REQUIRE(opened);
    return std::move(*opened);
  }
  std::string find(std::string_view key) const { return find(key, *map); }
  static std::string find(std::string_view key, const Map& in) {
    auto value = in.lookup(key);
    if (!value)
      return "try later" + value.error().text().substr(value.error().text().find("t.cf") + 4);
    return value->value_or("(none)");
  }
  std::string log() { return std::exchange(things.log, ""); }
};

}  // namespace

TEST_CASE("settings of a source are name = value lines, with comments and continued lines") {
  auto settings = parsed("# hosts\nhosts = a b,\n  c\n\nport=25\nsecure = YES\nport = 26\n");
  REQUIRE(settings);
  CHECK(settings->words("hosts") == std::vector<std::string>{"a", "b", "c"});
  CHECK(settings->number("port") == 26);
  CHECK(settings->flag("secure"));
  CHECK(settings->text("result_format") == "%s");
  CHECK_FALSE(settings->is_set("domain"));
  CHECK(settings->wrong("port", "is odd").text() == "/etc/t.cf:7: port: is odd");
}

TEST_CASE("what is wrong in the settings of a source is told with its line") {
  struct Row {
    const char* text;
    const char* problem;
  };
  for (const auto& row :
       {Row{"hosts = a\nprot = 1\n", "/etc/t.cf:2: unknown setting prot; did you mean port?"},
        Row{"port = many", "/etc/t.cf:1: port: many is no number from 0 to 1000000000"},
        Row{"port = 1000000001", "/etc/t.cf:1: port: 1000000001 is no number"},
        Row{"secure = 1", "/etc/t.cf:1: secure: 1 is neither yes nor no"},
        Row{"hosts", "/etc/t.cf:1: expected name = value"}, Row{"\n  port = 1", "/etc/t.cf:2: "}}) {
    auto settings = parsed(row.text);
    REQUIRE_FALSE(settings);
    CAPTURE(settings.error().text());
    CHECK(settings.error().text().starts_with(row.problem));
  }
}

TEST_CASE("a server's values are put into the form of the result and joined by commas") {
  House house("result_format = <%s>\n");
  house.things.entries["ann@x.test"] = {"one", "two"};
  CHECK(house.find("Ann@X.test") == "<one>,<two>");
  CHECK(house.find("bob@x.test") == "(none)");
}

TEST_CASE("keys that a server is not asked for are not there, and reach no server") {
  House house("domain = x.test, !y.test, inline:{y.test=yes, z.test=yes}\n");
  house.things.entries["ann@y.test"] = {"not to be found"};
  house.things.entries["ann@z.test"] = {"found"};
  for (std::string_view key : {"ann", "@x.test", "ann@y.test", "ann@sub.x.test", "never"}) {
    CAPTURE(key);
    CHECK(house.find(key) == "(none)");
  }
  House open_house;
  for (std::string key : {std::string("a\0b", 3), std::string("\xc3\x28"), std::string("never"),
                          std::string(70'000, 'a')}) {
    CHECK(open_house.find(key) == "(none)");
  }
  CHECK(open_house.log() == "");
  world = &house.things;
  CHECK(house.find("ann@z.test") == "found");
}

TEST_CASE(
    "a connection is kept for the next look-up, and made anew when the server has closed it") {
  House house;
  house.things.entries["a@x.test"] = {"b"};
  CHECK(house.find("a@x.test") == "b");
  CHECK(house.find("a@x.test") == "b");
  CHECK(house.log() == "+one ?one ?one ");
  house.things.closes = true;
  CHECK(house.find("a@x.test") == "b");
  CHECK(house.log() == "?one +one ?one ");
  CHECK(house.things.told.empty());
}

TEST_CASE("settings of one configuration that name the same table share its connections") {
  House house;
  CHECK(house.find("a@x.test", *house.open()) == "(none)");
  CHECK(house.find("a@x.test", *house.open()) == "(none)");
  CHECK(house.log() == "+one ?one +one ?one ");

  house.options.server_tables = std::make_shared<ServerTables>();
  auto first = house.open();
  auto second = house.open();
  CHECK(house.find("a@x.test", *first) == "(none)");
  CHECK(house.find("a@x.test", *second) == "(none)");
  first.reset();
  CHECK(house.find("a@x.test", *second) == "(none)");
  CHECK(house.log() == "+one ?one ?one ?one ");
  // What nobody uses is not kept.
  second.reset();
  CHECK(house.find("a@x.test", *house.open()) == "(none)");
  CHECK(house.log() == "+one ?one ");
}

TEST_CASE("the next server is asked where one is down, and one that was down is tried last") {
  House house;
  house.things.is_up["one"] = false;
  house.things.entries["a@x.test"] = {"b"};
  CHECK(house.find("a@x.test") == "b");
  CHECK(house.log() == "-one +two ?two ");
  house.things.closes = true;
  CHECK(house.find("a@x.test") == "b");
  CHECK(house.log() == "?two +two ?two ");
  house.things.is_up["two"] = false;
  house.things.closes = true;
  CHECK(house.find("a@x.test") == "try later: two is down; one is down");
  CHECK(house.log() == "?two -two -one ");
}

TEST_CASE("what fails is told once, and so is that it answers again") {
  House house;
  for (int i = 0; i < 3; ++i) CHECK(house.find("broken@x.test") == "try later: no such table");
  CHECK(house.find("a@x.test") == "(none)");
  CHECK(house.find("a@x.test") == "(none)");
  CHECK(house.things.told == std::vector<std::string>{": no such table", ": answers again"});
}

TEST_CASE("more values than expansion_limit are an error, and no part of them is given") {
  House house("expansion_limit = 2\n");
  house.things.entries["two@x.test"] = {"a", "b"};
  house.things.entries["three@x.test"] = {"a", "b", "c"};
  CHECK(house.find("two@x.test") == "a,b");
  CHECK(house.find("three@x.test") ==
        "try later: more than 2 values (expansion_limit) for three@x.test");
}

TEST_CASE("hosts of SQL tables are sockets, names and addresses, with a port or without") {
  auto text = [](std::string_view host) {
    auto parsed_host = SqlHost::parse(host);
    return parsed_host.path + "|" + parsed_host.name + "|" + parsed_host.port;
  };
  CHECK(text("unix:/run/db.sock") == "/run/db.sock||");
  CHECK(text("db.example.com") == "|db.example.com|");
  CHECK(text("inet:db.example.com:3307") == "|db.example.com|3307");
  CHECK(text("192.0.2.1:3307") == "|192.0.2.1|3307");
  CHECK(text("[2001:db8::1]:3307") == "|2001:db8::1|3307");
  CHECK(text("[2001:db8::1]") == "|2001:db8::1|");
}

TEST_CASE(
    "without a query one is made of the old settings, and one that quotes nothing is refused") {
  auto query = [](std::string_view text) -> std::string {
    auto settings = SourceSettings::parse(text, "/etc/t.cf", sql_query_rows);
    REQUIRE(settings);
    auto made = sql_query(*settings, "'");
    if (!made) return made.error().text();
    return made->for_key("a@b.c", [](std::string_view part) { return std::string(part); });
  };
  CHECK(query("table = t\nselect_field = v\nwhere_field = k\nadditional_conditions = AND ok\n") ==
        "SELECT v FROM t WHERE k = 'a@b.c' AND ok");
  CHECK(query("query = SELECT v FROM t WHERE k = '%s'") == "SELECT v FROM t WHERE k = 'a@b.c'");
  CHECK(query("query = SELECT v FROM t WHERE k = %s")
            .starts_with("/etc/t.cf:1: query: has %s outside of quotes"));
  CHECK(query("table = t").starts_with("/etc/t.cf: query: is missing"));
}
