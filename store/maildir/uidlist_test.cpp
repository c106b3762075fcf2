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

Uid give(UidList& list, const std::vector<std::string_view>& bases, const Dotlock& lock) {
  auto first = list.give(bases, lock);
  REQUIRE(first);
  return *first;
}

}  // namespace

TEST_CASE("a new list gets a validity, a guid, and UIDs in the order of the names") {
  Scratch scratch;
  auto list = list_in(scratch);
  auto lock = list.lock();
  REQUIRE(lock);
  CHECK(std::filesystem::exists(scratch / "dovecot-uidlist.lock"));
  REQUIRE(list.refresh());
  CHECK(give(list, {"a,S=1", "b"}, *lock) == Uid(1));
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
  auto first = list.refresh();
  REQUIRE(first->anew);
  CHECK_FALSE(list.refresh()->changed);
  CHECK(list.uid_validity() == 5);
  CHECK(first->all[0].extensions == "W12 S10");
  CHECK(first->all[0].base == "one");
  CHECK(first->all[0].extension('W') == 12);
  CHECK(first->all[0].extension('S') == 10);
  CHECK_FALSE(first->all[1].extension('W').has_value());
  write(scratch, "7 :three\n8 :fo", true);
  auto second = list.refresh();
  CHECK(second->changed);
  CHECK_FALSE(second->anew);
  CHECK(second->all.size() == 1);
  CHECK(list.count() == 3);
  CHECK(list.uid_next() == Uid(8));
  write(scratch, "ur\n", true);
  CHECK(list.refresh()->all.back().base == "four");
  CHECK(list.reread()->all.size() == 4);
  auto lock = list.lock();
  CHECK(give(list, {"five"}, *lock) == Uid(9));
  CHECK(content(scratch).ends_with("7 :three\n8 :four\n9 :five\n"));
  REQUIRE(list.drop([](const auto& record) { return record.uid == Uid(2) || record.uid == Uid(7); },
                    *lock));
  CHECK(content(scratch) == "3 V5 N10 Gabc Xfoo\n1 W12 S10 :one\n8 :four\n9 :five\n");
  CHECK(list.count() == 3);
  CHECK_FALSE(list.refresh()->changed);
}

TEST_CASE("another object goes on where the first has stopped") {
  Scratch scratch;
  write(scratch, "3 V5 N3 Gabc\n1 :one\n2 :two\n");
  auto list = list_in(scratch);
  REQUIRE(list.refresh());
  auto other = list_in(scratch);
  other.resume(list.mark());
  CHECK_FALSE(other.refresh()->changed);
  CHECK(other.guid() == "abc");
  write(scratch, "3 :three\n", true);
  CHECK(other.refresh()->all.size() == 1);
  CHECK(other.uid_next() == Uid(4));
}

TEST_CASE("a list written anew under the inode of the old one is read from its start") {
  Scratch scratch;
  write(scratch, "3 V5 N3 Gabc\n1 :one\n2 :two\n");
  auto list = list_in(scratch);
  REQUIRE(list.refresh());
  const char* text = "3 V5 N9 Gabc\n2 W123 :two\n7 W123 S456 :seven\n8 W123 S456 :eight\n";
  write(scratch, text);
  auto records = list.refresh();
  REQUIRE(records);
  CHECK(records->anew);
  CHECK(records->all.size() == 3);
  CHECK(list.uid_validity() == 5);
  CHECK(list.uid_next() == Uid(9));
  CHECK(content(scratch) == text);
  CHECK_FALSE(std::filesystem::exists(scratch / "dovecot-uidlist.damaged"));
}

TEST_CASE("half a line left by a crash is not appended to") {
  Scratch scratch;
  write(scratch, "3 V5 N3 Gabc\n1 :one\n2 :tw");
  auto list = list_in(scratch);
  auto lock = list.lock();
  REQUIRE(list.refresh());
  CHECK(give(list, {"new"}, *lock) == Uid(3));
  CHECK(content(scratch) == "3 V5 N4 Gabc\n1 :one\n3 :new\n");
}

TEST_CASE("a damaged list is set aside, and the folder begins anew") {
  for (const char* text : {"garbage\n", "3 V0 N1\n", "3 N1\n", "2 V5 N1\n", "3 V5 N3\n2 :b\n1 :a\n",
                           "3 V5 N3\nx :a\n", "3 V5 N3\n1 :a/b\n", "3 V5 N3\n1\n"}) {
    CAPTURE(text);
    Scratch scratch;
    write(scratch, text);
    auto list = list_in(scratch);
    auto records = list.refresh();
    REQUIRE(records);
    CHECK(records->anew);
    CHECK(records->changed);
    CHECK(records->all.empty());
    CHECK(list.uid_validity() == 0);
    CHECK(list.count() == 0);
    CHECK(std::filesystem::exists(scratch / "dovecot-uidlist.damaged"));
  }
}

TEST_CASE("a list of version 1 is read, and rewritten as 3") {
  Scratch scratch;
  write(scratch, "1 5 9\n3 one\n8 two\n");
  auto list = list_in(scratch);
  auto records = list.refresh();
  CHECK(records->all[1].base == "two");
  auto lock = list.lock();
  CHECK(give(list, {"new"}, *lock) == Uid(9));
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
