#include "smtpd/commands/postmap.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/scratch.h"
#include "smtpd/commands/newaliases.h"
#include "store/maps/map.h"

using namespace pennypost;

namespace {

struct Ran {
  int status;
  std::string out;
  std::string err;
};

template <class Command>
Ran run(Command command, const std::vector<std::string>& args, const std::string& input = "") {
  std::ostringstream out, err;
  std::istringstream in(input);
  auto* before = std::cin.rdbuf(in.rdbuf());
  std::cin.clear();
  int status = command(args, out, err);
  std::cin.rdbuf(before);
  return {status, out.str(), err.str()};
}

Ran postmap(const std::vector<std::string>& args, const std::string& input = "") {
  return run(&smtp::postmap, args, input);
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("postmap builds, asks and lists, with Postfix's exit status") {
  Scratch scratch;
  std::string file = scratch / "virtual";
  write(file, "Ann@example.org ann\n@example.org all\n");
  CHECK(postmap({file}).status == 0);
  CHECK(postmap({"-q", "ann@Example.org", "hash:" + file}).out == "ann\n");
  auto missing = postmap({"-q", "bob", file});
  CHECK(missing.status == 1);
  CHECK(missing.out.empty());
  CHECK(missing.err.empty());
  CHECK(postmap({"-s", file}).out == "@example.org\tall\nann@example.org\tann\n");
  auto several = postmap({"-q", "-", file}, "ann@example.org\nbob\n@example.org\n");
  CHECK(several.status == 0);
  CHECK(several.out == "ann@example.org\tann\n@example.org\tall\n");
}

TEST_CASE("postmap leaves out a line that holds no entry, and names it") {
  Scratch scratch;
  std::string file = scratch / "virtual";
  write(file, "ann one\n");
  REQUIRE(postmap({file}).status == 0);
  write(file, "ann two\nbob\n");
  auto ran = postmap({file});
  CHECK(ran.status == 0);
  CHECK(ran.err.starts_with("postmap: warning: " + file + ":2: expected `key value`"));
  CHECK(postmap({"-s", file}).out == "ann\ttwo\n");
  write(file, "  ann@example.org one\n  bob@example.org two\n");
  ran = postmap({file});
  CHECK(ran.status == 0);
  CHECK(ran.err.starts_with("postmap: warning: " + file + ":1: the line begins with white space"));
  CHECK(postmap({"-s", file}).out.empty());
}

TEST_CASE("postmap keeps the old table when the source can't be used") {
  Scratch scratch;
  std::string file = scratch / "virtual";
  write(file, "ann one\n");
  REQUIRE(postmap({file}).status == 0);
  write(file, "ann two\n\"bob three\n");
  auto ran = postmap({file});
  CHECK(ran.status == 1);
  CHECK(ran.err.starts_with("postmap: fatal: " + file + ":2: the quote"));
  CHECK(postmap({"-q", "ann", file}).out == "one\n");
}

TEST_CASE("of several entries with one key the first counts, with -r the last") {
  Scratch scratch;
  std::string file = scratch / "m";
  write(file, "a 1\nA 2\n");
  CHECK(postmap({file}).err == "postmap: warning: " + file + ":2: duplicate entry: \"a\"\n");
  CHECK(postmap({"-q", "a", file}).out == "1\n");
  CHECK(postmap({"-w", file}).err.empty());
  CHECK(postmap({"-r", file}).err.empty());
  CHECK(postmap({"-q", "a", file}).out == "2\n");
}

TEST_CASE("postmap -i adds and -d removes without a source") {
  Scratch scratch;
  std::string file = scratch / "m";
  CHECK(postmap({"-i", file}, "a 1\nb 2\n").status == 0);
  CHECK(postmap({"-ri", file}, "a 3\n").status == 0);
  CHECK(postmap({"-s", file}).out == "a\t3\nb\t2\n");
  CHECK(postmap({"-d", "a", file}).status == 0);
  CHECK(postmap({"-d", "a", file}).status == 1);
  CHECK(postmap({"-s", file}).out == "b\t2\n");
}

TEST_CASE("postmap works on several tables at once, and -i gives each the same entries") {
  Scratch scratch;
  std::string one = scratch / "one", two = scratch / "two";
  CHECK(postmap({"-i", one, two}, "a 1\nb 2\n").status == 0);
  CHECK(postmap({"-q", "a", two}).out == "1\n");
  CHECK(postmap({"-d", "-", one, two}, "a\nnone\n").status == 0);
  CHECK(postmap({"-s", one, two}).out == "b\t2\nb\t2\n");
  auto current = std::filesystem::read_symlink(one + ".rdb");
  CHECK(postmap({"-d", "none", one}).status == 1);
  CHECK(std::filesystem::read_symlink(one + ".rdb") == current);
  auto missing = postmap({"-d", "a", scratch / "three"});
  CHECK(missing.status == 1);
  CHECK(missing.err.starts_with("postmap: fatal: "));
}

TEST_CASE("what postmap -s lists can be built again, with blanks, quotes and # in its keys") {
  Scratch scratch;
  std::string text = "\"#x\" 1\n\"a \\\"b\\\" c\" 2\n\"d e\"@example.org 3\n\"f:\" 4\n";
  write(scratch / "a", text);
  CHECK(postmap({scratch / "a"}).err.find("\"f:\"") == std::string::npos);
  auto listed = postmap({"-s", scratch / "a"});
  write(scratch / "b", listed.out);
  REQUIRE(postmap({scratch / "b"}).status == 0);
  CHECK(postmap({"-s", scratch / "b"}).out == listed.out);
  CHECK(postmap({"-q", "#x", scratch / "b"}).out == "1\n");
  CHECK(postmap({"-q", "a \"b\" c", scratch / "b"}).out == "2\n");
}

TEST_CASE(
    "postmap -F stores what the listed files hold, and leaves out a line whose file is missing") {
  Scratch scratch;
  write(scratch / "x", "one");
  write(scratch / "y", "two");
  write(scratch / "m", "k " + scratch / "x, " + scratch / "y\nbad " + scratch / "none\n");
  auto built = postmap({"-F", scratch / "m"});
  CHECK(built.status == 0);
  CHECK(built.err.find(scratch / "m:2: ") != std::string::npos);
  CHECK(postmap({"-q", "k", scratch / "m"}).out == "b25lCnR3bw==\n");
  CHECK(postmap({"-F", "-s", scratch / "m"}).out == "k\tone\ntwo\n");
  CHECK(postmap({"-F", "-q", "a", "inline:{a=?}"}).err.find("is not base64") != std::string::npos);
}

TEST_CASE("postmap leaves out what is not UTF-8, and takes it with -u") {
  Scratch scratch;
  write(scratch / "m", "caf\xe9 v\nok w\n");
  CHECK(postmap({scratch / "m"}).err.find(scratch / "m:1: ") != std::string::npos);
  CHECK(postmap({"-s", scratch / "m"}).out == "ok\tw\n");
  auto asked = postmap({"-q", "caf\xe9", "static:x"});
  CHECK(asked.status == 1);
  CHECK(asked.err.find("is not UTF-8") != std::string::npos);
  CHECK(postmap({"-u", scratch / "m"}).err.empty());
  CHECK(postmap({"-u", "-q", "caf\xe9", scratch / "m"}).out == "v\n");
}

TEST_CASE("postmap -f keeps the case of keys, and asks for them as they are") {
  Scratch scratch;
  write(scratch / "m", "Ann one\n");
  REQUIRE(postmap({"-f", scratch / "m"}).status == 0);
  CHECK(postmap({"-f", "-q", "Ann", scratch / "m"}).out == "one\n");
  CHECK(postmap({"-q", "Ann", scratch / "m"}).status == 1);
  CHECK(postmap({"-f", "-q", "A", "inline:{a=b}"}).status == 1);
  CHECK(postmap({"-f", "-q", "Ann", "texthash:" + scratch / "m"}).out == "one\n");
}

TEST_CASE("postmap -p lets everybody read the table, -v says how many entries it has") {
  Scratch scratch;
  std::string file = scratch / "m";
  write(file, "a b\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  auto others_may_read = [&] {
    auto mode = std::filesystem::status(file + ".rdb/CURRENT").permissions();
    return (mode & std::filesystem::perms::others_read) != std::filesystem::perms::none;
  };
  CHECK(postmap({"-v", file}).err == "postmap: hash:" + file + ": 1 entry\n");
  CHECK_FALSE(others_may_read());
  CHECK(postmap({"-p", file}).status == 0);
  CHECK(others_may_read());
}

TEST_CASE("postmap takes the keys from the header and body of a message") {
  Scratch scratch;
  write(scratch / "p", "/^Subject: (.*)/ [$1]\n/^--/ boundary\n");
  std::string table = "pcre:" + scratch / "p";
  std::string message = "Subject: a\r\nX: y\r\n\r\n--\r\n.x\r\n";
  CHECK(postmap({"-h", "-q", "-", table}, message).out == "Subject: a\t[a]\n");
  CHECK(postmap({"-b", "-q", "-", table}, message).out == "--\tboundary\n");
  CHECK(postmap({"-hb", "-q", "-", table}, message).err.empty());
}

TEST_CASE("a wrong call of postmap or postalias is answered with what is wrong and the usage") {
  struct Row {
    std::vector<std::string> args;
    const char* reason;
  };
  for (const auto& row : {
           Row{{"-x", "m"}, "there is no option -x; usage: postmap "},
           Row{{"-q"}, "after -q a key is missing; usage: "},
           Row{{"-c"}, "after -c a directory is missing; usage: "},
           Row{{}, "no table is named; usage: "},
           Row{{"-s", "-q", "k", "m"},
               "only one of -q, -d and -s can be answered at once; usage: "},
           Row{{"-h", "-q", "k", "m"},
               "-h, -b and -m take the keys from a message: they need -q -; usage: "},
       }) {
    auto ran = postmap(row.args);
    CHECK(ran.status == 1);
    CHECK(ran.err.starts_with("postmap: fatal: " + std::string(row.reason)));
  }
  CHECK(postmap({"-m", "-q", "-", "inline:{a=b}"}, "a\n").err ==
        "postmap: warning: -m is ignored without -h or -b\n");
  CHECK(run(&smtp::postalias, {"-h", "m"})
            .err.starts_with("postalias: fatal: there is no option -h"));
}

TEST_CASE("postalias reads, lists and answers `name: value`") {
  Scratch scratch;
  std::string file = scratch / "aliases";
  write(file, "Staff: ann,\n bob\n\"two words\": carol\n");
  CHECK(run(&smtp::postalias, {file}).status == 0);
  CHECK(run(&smtp::postalias, {"-q", "staff", file}).out == "ann, bob\n");
  CHECK(run(&smtp::postalias, {"-q", "-", file}, "staff\n").out == "staff:\tann, bob\n");
  CHECK(run(&smtp::postalias, {"-i", file}, "root: dan\n").status == 0);
  auto listed = run(&smtp::postalias, {"-s", file});
  CHECK(listed.out == "root:\tdan\nstaff:\tann, bob\n\"two words\":\tcarol\n");
  write(scratch / "again", listed.out);
  REQUIRE(run(&smtp::postalias, {scratch / "again"}).status == 0);
  CHECK(run(&smtp::postalias, {"-s", scratch / "again"}).out == listed.out);
}

TEST_CASE("postmap -q answers what a daemon would be answered, and no more") {
  Scratch scratch;
  write(scratch / "patterns", "/^@/ never\n/@example\\.org$/ all\n");
  write(scratch / "networks", "10.0.0.0/8 ten\n");
  write(scratch / "text", "ann one\nANN two\n");
  std::string patterns = "regexp:" + scratch / "patterns";
  CHECK(postmap({"-q", "ann@example.org", patterns}).out == "all\n");
  for (const char* part : {"@example.org", "ann@", ".example.org"}) {
    for (const std::string& table : {patterns, "unionmap:{" + patterns + ", inline:{x=y}}"}) {
      auto asked = postmap({"-q", part, table});
      CHECK(asked.status == 1);
      CHECK(asked.out.empty());
      CHECK(asked.err.find("matched against whole addresses") != std::string::npos);
    }
  }
  CHECK(postmap({"-q", "@example.org", patterns, "inline:{@example.org=x}"}).out == "x\n");
  CHECK(postmap({"-q", "10.1.2.3", "cidr:" + scratch / "networks"}).out == "ten\n");
  CHECK(postmap({"-q", "[10.1.2.3]", "cidr:" + scratch / "networks"}).status == 1);
  CHECK(postmap({"-q", "10.1", "cidr:" + scratch / "networks"}).status == 1);
  CHECK(postmap({"-q", std::string(store::map_key_bytes_max + 1, 'x'), "static:x"}).status == 1);
  CHECK(postmap({"-s", "texthash:" + scratch / "text"}).out == "ann\tone\n");
  CHECK(postmap({"-s", "inline:{A=1, a=2}"}).out == "a\t2\n");
}

TEST_CASE("postmap -q - asks all tables for each key, in their order") {
  auto several = postmap({"-q", "-", "inline:{a=1}", "inline:{a=2, b=3}"}, "b\na\nnone\nb\n");
  CHECK(several.status == 0);
  CHECK(several.out == "b\t3\na\t1\nb\t3\n");
  CHECK(postmap({"-q", "-", "inline:{a=1}"}, "none\n").status == 1);
  // If a table can't be read, the tables after it are not used.
  auto failed = postmap({"-q", "b", "hash:/nonexistent/x", "inline:{b=3}"});
  CHECK(failed.status == 1);
  CHECK(failed.out.empty());
  CHECK(postmap({"-q", "b", "inline:{b=3}", "hash:/nonexistent/x"}).out == "3\n");
}

TEST_CASE("postmap asks tables of other types, and refuses to build them") {
  CHECK(postmap({"-q", "a", "inline:{a=b}"}).out == "b\n");
  auto ran = postmap({"inline:{a=b}"});
  CHECK(ran.status == 1);
  CHECK(ran.err.find("are not built") != std::string::npos);
  auto unknown = postmap({"-q", "a", "/nonexistent/x"});
  CHECK(unknown.status == 1);
  CHECK(unknown.err.find("postmap /nonexistent/x") != std::string::npos);
  CHECK(postmap({}).err.find("usage") != std::string::npos);
}

TEST_CASE("newaliases builds all alias files, and those without a mistake when one has one") {
  Scratch scratch;
  write(scratch / "main.toml", "myhostname = \"mail.example.test\"\nalias_database = [\"hash:" +
                                   scratch / "a" + "\", \"hash:" + scratch / "b" + "\"]\n");
  write(scratch / "a", "Staff: ann, bob\n");
  write(scratch / "b", "root: ann@@here\n");
  auto ran = run(&smtp::newaliases, {"-c", scratch.path().string()});
  CHECK(ran.status == 1);
  CHECK(ran.err.starts_with("newaliases: fatal: " +
                            scratch / "b:1: \"ann@@here\" is not an address"));
  CHECK(postmap({"-q", "staff", scratch / "a"}).out == "ann, bob\n");
  write(scratch / "b", "root: ann\n");
  CHECK(run(&smtp::newaliases, {"-c", scratch.path().string()}).status == 0);
  CHECK(postmap({"-q", "root", scratch / "b"}).out == "ann\n");
}

TEST_CASE("a start builds the aliases whose source has changed, and only those") {
  Scratch scratch;
  write(scratch / "main.toml", "myhostname = \"mail.example.test\"\nalias_database = [\"hash:" +
                                   scratch / "a" + "\", \"hash:" + scratch / "none" + "\"]\n");
  auto config = Config::load({.directory = scratch.path().string()});
  REQUIRE(config);
  auto start = [&] {
    std::ostringstream out, err;
    bool stands = smtp::build_stale_aliases(**config, out, err);
    return (stands ? "" : "failed ") + out.str() + err.str();
  };
  CHECK(start().empty());
  write(scratch / "a", "staff: ann\n");
  CHECK(start() == scratch / "a.rdb\n");
  CHECK(start().empty());
  write(scratch / "a", "staff: ann@@x\n");
  std::filesystem::last_write_time(
      scratch.path() / "a", std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  CHECK(start().starts_with("failed start: fatal: " + scratch / "a:1: "));
}
