#include "store/sieve/script_store.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/base/text.h"

using namespace pennypost;
using namespace pennypost::store;
using namespace pennypost::store::sieve;

namespace {

namespace fs = std::filesystem;

struct Home {
  Scratch scratch;
  ScriptLimits limits;

  ScriptStore store() const {
    return ScriptStore({scratch / "sieve", scratch / ".dovecot.sieve"}, limits);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(scratch / name) << text;
  }
  std::string listed() const {
    std::vector<std::string> words;
    auto scripts = store().list();
    REQUIRE(scripts);
    for (const auto& script : *scripts)
      words.push_back(script.name + (script.is_active ? "*" : ""));
    return join(words, " ");
  }
};

ResponseCode code_of(const Result<void>& result) {
  REQUIRE_FALSE(result);
  return result.error().response_code();
}

}  // namespace

TEST_CASE("the setting sieve names a directory and a link, or one script, in the user's home") {
  LocationUser bob{"bob@example.org", "/home/bob"};
  auto place = ScriptPlace::parse("file:~/sieve;active=~/.dovecot.sieve", bob);
  REQUIRE(place);
  REQUIRE(*place);
  CHECK((*place)->directory == "/home/bob/sieve");
  CHECK((*place)->active == "/home/bob/.dovecot.sieve");
  place = ScriptPlace::parse("/srv/%d/%n.sieve", bob);
  REQUIRE(place);
  CHECK((*place)->directory.empty());
  CHECK((*place)->active == "/srv/example.org/bob.sieve");
  place = ScriptPlace::parse("", bob);
  REQUIRE(place);
  CHECK_FALSE(*place);
  for (const char* wrong : {"file:~/a;b=c", "file:sieve;active=~/x", "file:~/%q;active=~/x"}) {
    CAPTURE(wrong);
    auto parsed = ScriptPlace::parse(wrong, bob);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().text().starts_with("sieve \""));
  }
}

TEST_CASE("scripts are put, listed, made active, renamed and removed, as Pigeonhole keeps them") {
  Home home;
  auto store = home.store();
  CHECK(home.listed().empty());
  for (const char* name : {"work", "away"}) {
    auto put = store.put(name, "keep;\n");
    REQUIRE(put);
    CHECK(put->empty());
  }
  REQUIRE(store.activate("work"));
  CHECK(home.listed() == "away work*");
  CHECK(fs::read_symlink(home.scratch / ".dovecot.sieve") == "sieve/work.sieve");
  CHECK(code_of(store.remove("work")) == ResponseCode::InUse);
  REQUIRE(store.rename("work", "büro"));
  CHECK(home.listed() == "away büro*");
  CHECK(fs::exists(home.scratch / ".dovecot.sieve"));
  REQUIRE(store.activate(""));
  CHECK(home.listed() == "away büro");
  CHECK_FALSE(fs::exists(fs::symlink_status(home.scratch / ".dovecot.sieve")));
  REQUIRE(store.remove("büro"));
  CHECK(home.listed() == "away");
  auto text = store.read("away");
  REQUIRE(text);
  CHECK(*text == "keep;\n");
}

TEST_CASE("a script that is not there, or a name that is taken, is told apart from other errors") {
  Home home;
  auto store = home.store();
  REQUIRE(store.put("a", "keep;"));
  REQUIRE(store.put("b", "discard;"));
  CHECK(code_of(store.remove("c")) == ResponseCode::NonExistent);
  CHECK(code_of(store.activate("c")) == ResponseCode::NonExistent);
  CHECK(code_of(store.rename("c", "d")) == ResponseCode::NonExistent);
  CHECK(code_of(store.rename("a", "b")) == ResponseCode::AlreadyExists);
  CHECK(*store.read("b") == "discard;");
  CHECK(store.read("c").error().response_code() == ResponseCode::NonExistent);
}

TEST_CASE("a script with mistakes is not stored in place of the one that has none") {
  Home home;
  auto store = home.store();
  REQUIRE(store.put("a", "keep;"));
  auto put = store.put("a", "keep");
  REQUIRE(put);
  REQUIRE(put->size() == 1);
  CHECK(*store.read("a") == "keep;");
  home.write("sieve/hand.sieve", "fileinto \"x\";");
  CHECK(code_of(store.activate("hand")) == ResponseCode::Corruption);
}

TEST_CASE("quotas bound the scripts of a user, their size, and all of them together") {
  Home home;
  home.limits.scripts = Limit(2);
  home.limits.script_bytes = 20;
  home.limits.storage = Limit(30);
  auto store = home.store();
  REQUIRE(store.put("a", "keep; keep; keep;"));
  CHECK(code_of(store.check_room("b", 21)) == ResponseCode::OverQuota);
  CHECK(code_of(store.check_room("b", 14)) == ResponseCode::OverQuota);
  REQUIRE(store.check_room("b", 13));
  REQUIRE(store.check_room("a", 20));
  REQUIRE(store.put("b", "keep;"));
  CHECK(code_of(store.check_room("c", 1)) == ResponseCode::Limit);
  REQUIRE(store.check_room("b", 1));
}

TEST_CASE("a name can't lead out of the directory, nor hide a file or break a line") {
  for (std::string_view wrong :
       {"", "../x", "a/b", ".hidden", "a\nb", "a\x7f", "a\xc2\x85", "a\xff", "a\u2028"}) {
    CAPTURE(wrong);
    CHECK(code_of(check_script_name(wrong)) == ResponseCode::Cannot);
  }
  CHECK(check_script_name("Büro & Haus"));
  CHECK(check_script_name(std::string(128, 'x')));
  CHECK_FALSE(check_script_name(std::string(129, 'x')));
}

TEST_CASE("a file where the link should be is moved among the scripts before another is active") {
  Home home;
  auto store = home.store();
  home.write(".dovecot.sieve", "stop;");
  REQUIRE(store.put("new", "keep;"));
  CHECK(home.listed() == "new");
  REQUIRE(store.activate("new"));
  CHECK(home.listed() == "dovecot.orig new*");
  CHECK(*store.read("dovecot.orig") == "stop;");
}
