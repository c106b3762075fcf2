#include "store/maildir/uidlist.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "store/maildir/uidvalidity.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

UidList list_in(const Scratch& scratch) {
  return UidList(scratch.path().string(), [] { return Result<std::uint32_t>(77u); });
}

void write(const Scratch& scratch, std::string_view text, bool append = false) {
  std::ofstream(scratch / "dovecot-uidlist", append ? std::ios::app : std::ios::trunc) << text;
}

std::string content(const Scratch& scratch) {
  return read_file(scratch / "dovecot-uidlist", 1 << 20)->value_or("");
}

}  // namespace

TEST_CASE("a new list gets a validity, a guid, and UIDs in the order of the names") {
  Scratch scratch;
  auto list = list_in(scratch);
  auto lock = list.lock();
  REQUIRE(lock);
  CHECK(std::filesystem::exists(scratch / "dovecot-uidlist.lock"));
  REQUIRE(list.refresh());
  CHECK(*list.give({"a,S=1", "b"}, *lock) == std::vector<Uid>{Uid(1), Uid(2)});
  auto text = content(scratch);
  CHECK(text.starts_with("3 V77 N3 G"));
  CHECK(text.ends_with("\n1 :a,S=1\n2 :b\n"));
  lock->release();
  CHECK_FALSE(std::filesystem::exists(scratch / "dovecot-uidlist.lock"));
}

TEST_CASE("what others append is read without reading all again, and the next UID follows it") {
  Scratch scratch;
  write(scratch, "3 V5 N3 Gabc Xfoo\n1 W12 S10 :one\n2 :two\n");
  auto list = list_in(scratch);
  REQUIRE(*list.refresh());
  CHECK_FALSE(*list.refresh());
  CHECK(list.uid_validity() == 5);
  CHECK(list.records()[0].extensions == "W12 S10");
  write(scratch, "7 :three\n8 :fo", true);
  REQUIRE(*list.refresh());
  CHECK(list.records().size() == 3);
  CHECK(list.uid_next() == Uid(8));
  write(scratch, "ur\n", true);
  REQUIRE(*list.refresh());
  CHECK(list.records().back().base == "four");
  auto lock = list.lock();
  REQUIRE(list.give({"five"}, *lock));
  CHECK(content(scratch).ends_with("7 :three\n8 :four\n9 :five\n"));
  REQUIRE(list.drop({Uid(2), Uid(7)}, *lock));
  CHECK(content(scratch) == "3 V5 N10 Gabc Xfoo\n1 W12 S10 :one\n8 :four\n9 :five\n");
}

TEST_CASE("half a line left by a crash is not appended to") {
  Scratch scratch;
  write(scratch, "3 V5 N3 Gabc\n1 :one\n2 :tw");
  auto list = list_in(scratch);
  auto lock = list.lock();
  REQUIRE(*list.refresh());
  CHECK(*list.give({"new"}, *lock) == std::vector<Uid>{Uid(3)});
  CHECK(content(scratch) == "3 V5 N4 Gabc\n1 :one\n3 :new\n");
}

TEST_CASE("a damaged list is set aside, and the folder begins anew") {
  for (const char* text : {"garbage\n", "3 V0 N1\n", "3 N1\n", "2 V5 N1\n", "3 V5 N3\n2 :b\n1 :a\n",
                           "3 V5 N3\nx :a\n", "3 V5 N3\n1 :a/b\n", "3 V5 N3\n1\n"}) {
    CAPTURE(text);
    Scratch scratch;
    write(scratch, text);
    auto list = list_in(scratch);
    REQUIRE(list.refresh());
    CHECK(list.uid_validity() == 0);
    CHECK(list.records().empty());
    CHECK(std::filesystem::exists(scratch / "dovecot-uidlist.damaged"));
  }
}

TEST_CASE("a list of version 1 is read, and rewritten as 3") {
  Scratch scratch;
  write(scratch, "1 5 9\n3 one\n8 two\n");
  auto list = list_in(scratch);
  REQUIRE(list.refresh());
  CHECK(list.records()[1].base == "two");
  auto lock = list.lock();
  REQUIRE(list.give({"new"}, *lock));
  CHECK(content(scratch) == "3 V5 N10\n3 :one\n8 :two\n9 :new\n");
}

TEST_CASE("no UIDVALIDITY is given twice") {
  Scratch scratch;
  ManualClock clock;
  auto root = scratch.path().string();
  CHECK(*next_uid_validity(root, clock) == 1'700'000'000u);
  CHECK(*next_uid_validity(root, clock) == 1'700'000'001u);
  CHECK(std::filesystem::exists(scratch / "dovecot-uidvalidity.6553f101"));
  CHECK(*read_file(scratch / "dovecot-uidvalidity", 100) == "6553f101");
}
