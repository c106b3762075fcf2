#include "store/filtering/memory.h"

#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "common/base/file.h"
#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Home {
  Scratch scratch;
  std::int64_t now = 1'000'000;

  std::string path() const { return scratch / "Maildir/pennypost-sieve"; }
  SieveMemory of(const std::string& delivery) const { return {path(), delivery, now}; }
  bool knows(const std::string& delivery, const std::string& key) const {
    auto known = of(delivery).knows(key);
    REQUIRE(known);
    return *known;
  }
  void remember(const std::string& delivery, const std::string& key, std::uint64_t seconds) const {
    REQUIRE(of(delivery).remember({{key, seconds}}));
  }
  std::size_t lines() const {
    auto text = read_file(path(), 10'000'000);
    REQUIRE(text);
    return static_cast<std::size_t>(std::ranges::count(text->value_or(""), '\n'));
  }
};

}  // namespace

TEST_CASE("what a delivery remembers, later ones know until its time is over") {
  Home home;
  CHECK_FALSE(home.knows("A.1", "vacation:ann"));
  home.remember("A.1", "vacation:ann", 60);
  CHECK(home.knows("B.1", "vacation:ann"));
  CHECK_FALSE(home.knows("B.1", "vacation:bob"));
  home.now += 61;
  CHECK_FALSE(home.knows("B.1", "vacation:ann"));
}

TEST_CASE("a delivery that is repeated gets the answers of its first attempt") {
  Home home;
  home.remember("A.1", "ann", 60);
  CHECK_FALSE(home.knows("A.1", "ann"));
  CHECK(home.knows("A.2", "ann"));
  // The second delivery knew it; that it remembers it again changes nothing of that.
  home.remember("B.1", "ann", 90);
  home.remember("B.1", "ann", 90);
  CHECK(home.knows("B.1", "ann"));
}

TEST_CASE("a line that a crash has cut off harms neither those before nor those after it") {
  Home home;
  home.remember("A.1", "ann", 60);
  std::ofstream(home.path(), std::ios::app) << "1000060 0 B.1 abc";
  home.remember("C.1", "bob", 60);
  CHECK(home.knows("D.1", "ann"));
  CHECK(home.knows("D.1", "bob"));
}

TEST_CASE("the file stays small, however often one sender writes") {
  Home home;
  for (int i = 0; i < 1500; ++i) home.remember("A." + std::to_string(i), "ann", 60);
  CHECK(home.lines() < 1100);
  CHECK(home.knows("B.1", "ann"));
}

TEST_CASE("of too many memories those that end first are forgotten") {
  Home home;
  std::vector<sieve::Remembered> many;
  for (std::size_t i = 0; i < memory_entries_max; ++i) {
    many.push_back({"key" + std::to_string(i), 1000 + i});
  }
  REQUIRE(home.of("A.1").remember(many));
  home.remember("B.1", "short", 10);
  const std::size_t kept = memory_entries_max - memory_entries_max / 10;
  const std::size_t forgotten = memory_entries_max + 1 - kept;
  CHECK(home.lines() == kept);
  CHECK(home.knows("C.1", "short"));
  CHECK_FALSE(home.knows("C.1", "key" + std::to_string(forgotten - 1)));
  CHECK(home.knows("C.1", "key" + std::to_string(forgotten)));
  // So the next ones are appended.
  home.remember("D.1", "one", 10);
  home.remember("E.1", "two", 10);
  CHECK(home.lines() == kept + 2);
}

TEST_CASE("of two deliveries at the same time the second knows what the first one has left") {
  Home home;
  auto first = home.of("A.1");
  auto asked = first.knows("ann");
  REQUIRE(asked);
  CHECK_FALSE(*asked);
  bool second_knows = false;
  std::thread second([&] { second_knows = home.knows("B.1", "ann"); });
  REQUIRE(first.remember({{"ann", 60}}));
  second.join();
  CHECK(second_knows);
}
