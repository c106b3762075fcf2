#include "store/maps/map.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/scratch.h"
#include "store/maps/address_lookup.h"
#include "store/maps/build.h"
#include "store/maps/generation.h"
#include "store/maps/pattern_rules.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::unique_ptr<Map> opened(const std::string& text, const MapOptions& options = {}) {
  auto table = TableRef::parse(text);
  REQUIRE(table);
  auto map = Map::open(*table, options);
  REQUIRE(map);
  return std::move(*map);
}

std::string found(const Map& map, std::string_view key) {
  auto value = map.lookup(key);
  if (!value) return "try later: " + value.error().text();
  return value->value_or("(none)");
}

void build(const fs::path& base, const std::map<std::string, std::string>& entries,
           const Clock& clock, Microseconds keep_old = Microseconds{0}, TableAccess access = {}) {
  auto lock = BuildLock::take(base);
  REQUIRE(lock);
  REQUIRE(build_generation(*lock, base, entries, access, clock, keep_old));
}

std::size_t generation_count(const fs::path& directory) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    count += entry.is_directory() && !entry.is_symlink();
  }
  return count;
}

}  // namespace

TEST_CASE("a hash table is seen by open readers within the check interval") {
  Scratch scratch;
  ManualClock clock;
  std::vector<std::string> problems;
  MapOptions options;
  options.clock = &clock;
  options.on_problem = [&](const std::string& text) { problems.push_back(text); };
  auto map = opened("hash:" + scratch / "users", options);
  CHECK(found(*map, "ann").starts_with("try later: "));
  CHECK(found(*map, "ann").find("postmap") != std::string::npos);
  CHECK(problems.size() == 1);

  build(scratch / "users", {{"ann", "1"}}, clock);
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "1");
  CHECK(found(*map, "ANN") == "1");
  CHECK(found(*map, "bob") == "(none)");

  build(scratch / "users", {{"bob", "2"}}, clock);
  CHECK(found(*map, "ann") == "1");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "(none)");
  CHECK(found(*map, "bob") == "2");
}

TEST_CASE("a damaged new generation leaves the old one in use") {
  Scratch scratch;
  ManualClock clock;
  MapOptions options;
  options.clock = &clock;
  std::string problem;
  options.on_problem = [&](const std::string& text) { problem = text; };
  build(scratch / "users", {{"ann", "1"}}, clock);
  auto map = opened("hash:" + scratch / "users", options);
  CHECK(found(*map, "ann") == "1");
  fs::create_directory(scratch / "users.rdb.99");
  fs::remove(scratch / "users.rdb");
  fs::create_symlink("users.rdb.99", scratch / "users.rdb");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "1");
  CHECK(problem.find("the old table stays in use") != std::string::npos);
}

TEST_CASE("a generation goes when it is replaced, and who has it open reads on in it") {
  Scratch scratch;
  ManualClock clock;
  std::map<std::string, std::string> entries;
  for (int i = 0; i < 20'000; ++i) entries["user" + std::to_string(i)] = std::string(200, 'a');
  build(scratch / "m", entries, clock);
  auto open = open_generation(scratch / "m");
  REQUIRE(open);
  build(scratch / "m", {{"k", "v"}}, clock);
  CHECK(generation_count(scratch.path()) == 1);
  CHECK_FALSE(fs::exists(open->path));
  CHECK(*open->database.find("user19999") == entries["user19999"]);
  std::size_t count = 0;
  auto entry = open->database.scan("");
  for (; entry.valid(); entry.next()) ++count;
  CHECK(entry.status());
  CHECK(count == entries.size());
}

TEST_CASE("generations of which a builder died before their removal go at the next build") {
  Scratch scratch;
  ManualClock clock;
  build(scratch / "m", {{"k", "v"}}, clock);
  fs::create_directory(scratch / "m.rdb.1");
  fs::create_directory(scratch / "m.rdb.99999999999999999");
  build(scratch / "m", {{"k", "v"}}, clock);
  CHECK(generation_count(scratch.path()) == 1);
}

TEST_CASE("generations may be kept for a time, but not those of passwords") {
  Scratch scratch;
  ManualClock clock;
  for (int i = 0; i < 3; ++i) {
    build(scratch / "m", {{"k", "v"}}, clock, Seconds{60});
    clock.advance(Seconds{10});
  }
  CHECK(generation_count(scratch.path()) == 3);
  clock.advance(Seconds{61});
  build(scratch / "m", {{"k", "v"}}, clock, Seconds{60});
  // The last of the three was current until now.
  CHECK(generation_count(scratch.path()) == 2);
  TableAccess secret;
  secret.mode = 0640;
  build(scratch / "m", {{"k", "v"}}, clock, Seconds{60}, secret);
  CHECK(generation_count(scratch.path()) == 1);
}

TEST_CASE("a table is readable by those who may read its source") {
  Scratch scratch;
  write(scratch / "secret", "a b\n");
  ::chmod((scratch / "secret").c_str(), 0640);
  auto access = TableAccess::of(scratch / "secret");
  REQUIRE(access);
  auto lock = BuildLock::take(scratch / "secret");
  REQUIRE(lock);
  REQUIRE(build_generation(*lock, scratch / "secret", {{"a", "b"}}, *access));
  auto path = current_generation(scratch / "secret");
  REQUIRE(path);
  CHECK((fs::status(*path).permissions() & fs::perms::mask) == static_cast<fs::perms>(0750));
  for (const auto& entry : fs::directory_iterator(*path)) {
    CHECK((entry.status().permissions() & fs::perms::mask) == static_cast<fs::perms>(0640));
  }
}

TEST_CASE("a text table is read again when it changes, unless it is wrong") {
  Scratch scratch;
  ManualClock clock;
  MapOptions options;
  options.clock = &clock;
  std::string problem;
  options.on_problem = [&](const std::string& text) { problem = text; };
  write(scratch / "t", "ann one\nann two\n");
  auto map = opened("texthash:" + scratch / "t", options);
  CHECK(found(*map, "Ann") == "one");
  write(scratch / "t", "\"ann\n");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "one");
  CHECK(problem.starts_with(scratch / "t:1: the quote"));
  write(scratch / "t", "ann\nann four\n");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "four");
  CHECK(problem.starts_with(scratch / "t:1: expected"));
  write(scratch / "t", "bob three\n");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "(none)");
  CHECK(found(*map, "bob") == "three");
}

TEST_CASE("a table that has just changed is read at once when that is asked for") {
  Scratch scratch;
  ManualClock clock;
  auto asked = std::make_shared<std::atomic<std::uint64_t>>(0);
  MapOptions options;
  options.clock = &clock;
  options.looks_asked = asked;
  write(scratch / "t", "ann one\n");
  auto map = opened("texthash:" + scratch / "t", options);
  CHECK(found(*map, "ann") == "one");
  write(scratch / "t", "ann another\n");
  CHECK(found(*map, "ann") == "one");
  ++*asked;
  CHECK(found(*map, "ann") == "another");
}

TEST_CASE("a table of our own is empty until it is built, and not when it has gone again") {
  Scratch scratch;
  ManualClock clock;
  MapOptions options;
  options.clock = &clock;
  options.absent_is_empty = true;
  auto map = opened("hash:" + scratch / "users", options);
  CHECK(found(*map, "ann") == "(none)");
  write(scratch / "users", "ann one\n");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "(none)");
  REQUIRE(build_map(scratch / "users", {}));
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "one");
  std::filesystem::remove(scratch / "users");
  std::filesystem::remove(scratch / "users.rdb");
  clock.advance(Seconds{1});
  CHECK(found(*map, "ann") == "one");
  auto nowhere = opened("hash:" + scratch / "missing/users", options);
  CHECK_FALSE(nowhere->lookup("ann"));
}

TEST_CASE(
    "what root builds may be read by the group of who needs it, and by no others than before") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  constexpr gid_t reader = 52001;
  constexpr uid_t stranger = 65534;
  struct Case {
    mode_t source;
    uid_t directory_owner;
    gid_t group;
    mode_t directory, file;
    bool may_read_before = false;  // by a supplementary group
  };
  for (const auto& one : {
           Case{0600, 0, reader, 0750, 0640},
           Case{0640, 0, reader, 0750, 0640},
           Case{0640, 0, 0, 0750, 0640, true},
           Case{0600, 0, reader, 0750, 0640, true},
           Case{0644, 0, 0, 0755, 0644},
           Case{0600, stranger, stranger, 0700, 0600},
       }) {
    CAPTURE(one.source);
    CAPTURE(one.directory_owner);
    Scratch scratch;
    std::string table = scratch / "lists/table";
    REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
    fs::create_directory(scratch / "lists");
    write(table, "ann secret\n");
    REQUIRE(::chmod(table.c_str(), one.source) == 0);
    for (const auto& path : {scratch / "lists", table}) {
      REQUIRE(::chown(path.c_str(), one.directory_owner, one.directory_owner) == 0);
    }
    BuildOptions build;
    build.reader = Identity{"reader", 52001, reader, {}, "/"};
    if (one.may_read_before) build.reader->groups.push_back(0);
    REQUIRE(build_map(table, build));
    REQUIRE(change_map(table, build, Missing::IsAnError,
                       [](Entries&) { return Result<Changed>(Changed::Yes); }));
    for (const auto& [path, mode] :
         {std::pair(table + ".rdb/", one.directory), std::pair(table + ".rdb/CURRENT", one.file)}) {
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      CHECK(status.st_uid == one.directory_owner);
      CHECK(status.st_gid == one.group);
      CHECK((status.st_mode & 0777) == mode);
    }
  }
}

TEST_CASE("inline, static, union and pipe tables answer from the configuration") {
  auto map = opened("inline:{a=b, {c = d, e}, {@x.org = y}}");
  CHECK(found(*map, "a") == "b");
  CHECK(found(*map, "C") == "d, e");
  CHECK(found(*map, "x") == "(none)");
  CHECK(found(*opened("static:OK"), "anything") == "OK");
  CHECK(found(*opened("static:{550 no}"), "anything") == "550 no");
  auto both = opened("unionmap:{inline:{a=1, b=2}, inline:{a=3}}");
  CHECK(found(*both, "a") == "1,3");
  CHECK(found(*both, "b") == "2");
  CHECK(found(*both, "c") == "(none)");
  auto pipe = opened("pipemap:{inline:{a=b, c=d}, inline:{b=z}}");
  CHECK(found(*pipe, "a") == "z");
  CHECK(found(*pipe, "c") == "(none)");
  CHECK(found(*opened("unionmap:{inline:{a=1}, texthash:/nonexistent/x}"), "a")
            .starts_with("try later"));
}

TEST_CASE("a key is found in both spellings of its domain, without case and in NFC") {
  Scratch scratch;
  const std::string entries =
      "m\u00fcll.test one\nxn--grn-ioa.test two\nJOSE\u0301@B\u00dcCHER.test "
      "three\n.wei\u00df.test "
      "four\n";
  write(scratch / "text", entries);
  write(scratch / "hash", entries);
  REQUIRE(build_map(scratch / "hash", {}));
  write(scratch / "patterns", "/^(.*@)?m\u00fcll\\.test$/ one\n/^xn--grn-ioa\\.test$/ two\n");
  auto in_line =
      "inline:{m\u00fcll.test=one, xn--grn-ioa.test=two, JOSE\u0301@B\u00dcCHER.test=three, "
      ".wei\u00df.test=four}";
  for (const std::string& table :
       {"texthash:" + (scratch / "text"), "hash:" + (scratch / "hash"), std::string(in_line),
        "unionmap:{texthash:" + (scratch / "text") + "}"}) {
    CAPTURE(table);
    auto map = opened(table);
    for (std::string key :
         {"m\u00fcll.test", "M\u00dcLL.test", "xn--mll-hoa.test", "mu\u0308ll.test"}) {
      CHECK(found(*map, key) == "one");
    }
    CHECK(found(*map, "gr\u00fcn.test") == "two");
    CHECK(found(*map, "XN--GRN-IOA.test") == "two");
    CHECK(found(*map, "jos\u00e9@xn--bcher-kva.test") == "three");
    CHECK(found(*map, "JOS\u00c9@b\u00fccher.test") == "three");
    CHECK(found(*map, ".xn--wei-7ka.test") == "four");
    CHECK(found(*map, "xn--a.test") == "(none)");
  }
  auto patterns = opened("regexp:" + (scratch / "patterns"));
  CHECK(found(*patterns, "ann@xn--mll-hoa.test") == "one");
  CHECK(found(*patterns, "gr\u00fcn.test") == "two");
}

TEST_CASE("tables that can't be are refused when they are opened") {
  for (const auto& table :
       {TableRef{"gdbm", "/etc/x"}, TableRef{"nis", "x"}, TableRef{"inline", "{a}"},
        TableRef{"inline", "{a=b"}, TableRef{"inline", "{}"}, TableRef{"unionmap", "{}"},
        TableRef{"unionmap", "{what:ever}"}}) {
    CAPTURE(table.text());
    auto map = Map::open(table);
    REQUIRE_FALSE(map);
    CHECK_FALSE(map.error().is_temporary());
  }
  std::string nested = "static:x";
  for (int i = 0; i < 12; ++i) nested = "unionmap:{" + nested + "}";
  auto table = TableRef::parse(nested);
  if (table) CHECK_FALSE(Map::open(*table));
}

TEST_CASE("a cidr table answers with the first network that holds the address") {
  Scratch scratch;
  write(scratch / "c",
        "10.1.2.3 host\n"
        "10.0.0.0/8 ten\n"
        "if !192.0.2.0/24\n"
        "2001:db8::/32 doc\n"
        "[::1]/128 self\n"
        "!172.16.0.0/12 other\n"
        "endif\n"
        "192.0.2.0/24 test\n");
  auto map = opened("cidr:" + scratch / "c");
  for (const auto& row :
       std::vector<std::pair<const char*, const char*>>{{"10.1.2.3", "host"},
                                                        {"10.9.9.9", "ten"},
                                                        {"::ffff:10.9.9.9", "ten"},
                                                        {"2001:db8::5", "doc"},
                                                        {"::1", "self"},
                                                        {"8.8.8.8", "other"},
                                                        {"172.16.0.1", "(none)"},
                                                        {"192.0.2.7", "test"},
                                                        {"example.org", "(none)"}}) {
    CAPTURE(row.first);
    CHECK(found(*map, row.first) == row.second);
  }
  CHECK_FALSE(map->takes_partial_keys());
}

TEST_CASE("a wrong line of a table of rules is named") {
  Scratch scratch;
  for (const auto& [type, rule, error] :
       std::vector<std::tuple<const char*, const char*, const char*>>{
           {"cidr", "10.0.0.0/33 x\n", ":1: bad network 10.0.0.0/33: the part"},
           {"cidr", "\n10.0.0.1/8 x\n", ":2: bad network 10.0.0.1/8: address bits are set"},
           {"cidr", "10.0.0.0/8\n", ":1: expected"},
           {"cidr", "a\nif 10.0.0.0/8\n", ":1: not an"},
           {"cidr", "1.2.3.4 x\nif 10.0.0.0/8\n", ":2: if without"},
           {"cidr", "endif\n", ":1: endif without if"},
           {"pcre", "/a(/ x\n", ":1: pattern: missing closing parenthesis"},
           {"pcre", "/a/ $1\n", ":1: the pattern has no group 1"},
           {"pcre", "/a/q x\n", ":1: unknown flag q"},
           {"pcre", "/a x\n", ":1: there is no closing /"},
           {"pcre", "!/(a)/ $1\n", ":1: the pattern has no group 1"},
           {"regexp", "/a/s x\n", ":1: unknown flag s"},
           {"regexp", "if /a/\n", ":1: if without endif"}}) {
    std::string text = rule;
    CAPTURE(text);
    write(scratch / "r", text);
    auto map = opened(std::string(type) + ":" + scratch / "r");
    auto expected = "try later: " + scratch / ("r" + std::string(error));
    CHECK(found(*map, "x").starts_with(expected));
  }
}

TEST_CASE("patterns give the first that matches, with its groups put in") {
  Scratch scratch;
  write(scratch / "p",
        "/^subject: (.*) and (x)?/ ${1}-$2-$(1) costs $$5\n"
        "/^Exact$/i exact\n"
        "if /^list-/\n"
        "!/-owner$/ list\n"
        "endif\n"
        "/^list-/ owner\n"
        "|a/b| slash\n");
  for (const char* type : {"pcre", "regexp"}) {
    auto map = opened(std::string(type) + ":" + scratch / "p");
    CHECK(found(*map, "Subject: me and you") == "me--me costs $5");
    CHECK(found(*map, "exact") == "(none)");
    CHECK(found(*map, "Exact") == "exact");
    CHECK(found(*map, "list-a") == "list");
    CHECK(found(*map, "list-owner") == "owner");
    CHECK(found(*map, "xa/bx") == "slash");
  }
}

TEST_CASE("a pattern that needs too many steps is an error, not a miss") {
  Scratch scratch;
  write(scratch / "p", "/^(a+)+$/ x\n");
  auto map = opened("pcre:" + scratch / "p");
  CHECK(found(*map, std::string(40, 'a') + "b").starts_with("try later: " + scratch / "p:1: "));
}

TEST_CASE("the patterns of a table together may take as long as one look-up may") {
  Scratch scratch;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "/^(a|aa)+$/ x\n";
  write(scratch / "p", text);
  auto map = opened("pcre:" + scratch / "p");
  auto begun = std::chrono::steady_clock::now();
  auto value = found(*map, std::string(25, 'a') + "b");
  CHECK(value.find("the patterns before it took longer than") != value.npos);
  CHECK(std::chrono::steady_clock::now() - begun < 10 * pattern_time_max);
}

TEST_CASE("a list of tables answers from the first that knows, and not past one that can't tell") {
  auto list = MapList::open({TableRef{"inline", "{a=1}"}, TableRef{"inline", "{a=2, b=3}"}});
  REQUIRE(list);
  CHECK(**list->lookup("a") == "1");
  CHECK(**list->lookup("b") == "3");
  CHECK_FALSE(list->lookup("c")->has_value());
  auto broken =
      MapList::open({TableRef{"texthash", "/nonexistent/x"}, TableRef{"inline", "{a=2}"}});
  REQUIRE(broken);
  CHECK_FALSE(broken->lookup("a"));
}

namespace {

std::string texts(const std::vector<LookupKey>& keys) {
  std::string out;
  for (const auto& key : keys) out += key.text + " ";
  return out;
}

}  // namespace

TEST_CASE("an address stands for keys in virtual(5)'s order") {
  CHECK(texts(address_keys("ann+x", "example.org", "+", true)) ==
        "ann+x@example.org ann@example.org ann+x ann @example.org ");
  CHECK(texts(address_keys("ann", "example.org", "+", false)) == "ann@example.org @example.org ");
  CHECK(texts(address_keys("ann+x", "", "+", false)) == "ann+x ann ");
  CHECK(texts(address_keys("owner-list", "x.org", "-", false)) == "owner-list@x.org @x.org ");
  CHECK(texts(address_keys("+x", "x.org", "+", false)) == "+x@x.org @x.org ");
}

TEST_CASE("what was not matched of an address is handed back") {
  auto list = MapList::open({TableRef{"inline", "{ann@x.org=bob, @x.org=all}"}});
  REQUIRE(list);
  auto match = lookup_address(*list, "ann+a+b", "x.org", "+", false);
  REQUIRE(match);
  REQUIRE(*match);
  CHECK((*match)->value == "bob");
  CHECK((*match)->unmatched_extension == "+a+b");
  auto other = lookup_address(*list, "carol", "x.org", "+", false);
  REQUIRE(*other);
  CHECK((*other)->is_catch_all);
  CHECK((*other)->unmatched_extension.empty());
}

TEST_CASE("hosts and senders stand for keys in access(5)'s order") {
  CHECK(texts(access_keys_of_host("a.b.org", Parents::Plain)) == "a.b.org b.org org ");
  CHECK(texts(access_keys_of_host("a.b.org", Parents::Dotted)) == "a.b.org .b.org .org ");
  CHECK(texts(access_keys_of_mail("u+x", "a.org", "+", Parents::Plain)) ==
        "u+x@a.org u@a.org a.org org u+x@ u@ ");
  CHECK(texts(access_keys_of_mail("u", "[192.0.2.1]", "+", Parents::Plain)) ==
        "u@[192.0.2.1] [192.0.2.1] u@ ");
  CHECK(texts(access_keys_of_mail("", "", "+", Parents::Plain)) == "<> ");
}

TEST_CASE("a file of names in a list holds its names, the networks' addresses, and no comments") {
  Scratch scratch;
  write(scratch / "names",
        "# relay for these\nexample.org, .Example.NET\nb\u00fccher.test\n"
        "192.0.2.0/24 2001:db8::1 # and no more\n");
  auto map = Map::open(TableRef{"list", (scratch / "names")}, {});
  REQUIRE(map);
  REQUIRE((*map)->ready());
  for (const char* key : {"example.org", "EXAMPLE.org", ".example.net", "xn--bcher-kva.test",
                          "192.0.2.9", "2001:db8::1"}) {
    CAPTURE(key);
    CHECK(found(**map, key) == "OK");
  }
  for (const char* key : {"relay", "example.net", "192.0.3.1", "more", "#"}) {
    CAPTURE(key);
    CHECK(found(**map, key) == "(none)");
  }
  CHECK((*map)->takes_partial_keys());
}

TEST_CASE(
    "a file of names that holds more than names is refused with the line, a missing one too") {
  Scratch scratch;
  for (const char* word : {"!example.org", "hash:/etc/more", "/etc/more"}) {
    write(scratch / "names", std::string("example.org\n") + word + "\n");
    auto map = Map::open(TableRef{"list", (scratch / "names")}, {});
    REQUIRE(map);
    auto ready = (*map)->ready();
    REQUIRE_FALSE(ready);
    CHECK(ready.error().text().find("names:2: ") != std::string::npos);
  }
  auto missing = Map::open(TableRef{"list", (scratch / "none")}, {});
  REQUIRE(missing);
  CHECK_FALSE((*missing)->ready());
}

TEST_CASE("a table says whether it can be read before anybody looks something up") {
  Scratch scratch;
  write(scratch / "good", "a b\n");
  write(scratch / "bad", "not-a-network x\n");
  struct Row {
    std::string table;
    bool is_ready;
  };
  std::string good = (scratch / "good");
  std::string bad = (scratch / "bad");
  for (const Row& row : {Row{"texthash:" + good, true}, Row{"texthash:" + bad + ".none", false},
                         Row{"hash:" + good, false}, Row{"cidr:" + bad, false},
                         Row{"static:x", true}, Row{"inline:{a=b}", true},
                         Row{"unionmap:{texthash:" + good + ", hash:" + good + "}", false},
                         Row{"pipemap:{texthash:" + good + ", static:x}", true}}) {
    CAPTURE(row.table);
    CHECK(opened(row.table)->ready().has_value() == row.is_ready);
  }
}

TEST_CASE(
    "tables of patterns and of networks are asked for whole addresses only, others for parts") {
  for (std::string text : {"cidr:/t", "regexp:/t", "pcre:/t", "unionmap:{static:a, pcre:/t}"}) {
    CAPTURE(text);
    auto table = TableRef::parse(text);
    REQUIRE(table);
    CHECK_FALSE((*Map::open(*table))->takes_partial_keys());
  }
  for (std::string text : {"hash:/t", "texthash:/t", "static:a", "pipemap:{static:a, hash:/t}"}) {
    CAPTURE(text);
    auto table = TableRef::parse(text);
    REQUIRE(table);
    CHECK((*Map::open(*table))->takes_partial_keys());
  }
}
