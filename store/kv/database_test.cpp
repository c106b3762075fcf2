#include "store/kv/database.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/scratch.h"
#include "store/kv/table.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

Database open_queue(const Scratch& scratch) {
  auto opened = Database::open(scratch.path() / "db", Profile::queue());
  REQUIRE(opened);
  return std::move(*opened);
}

void put(Database& database, std::string_view key, std::string_view value) {
  Batch batch;
  batch.put(key, value);
  REQUIRE(database.commit(batch));
}

std::string found(const Database& database, std::string_view key) {
  auto value = database.find(key);
  REQUIRE(value);
  return value->value_or("(absent)");
}

std::string keys(Cursor cursor) {
  std::string text;
  for (; cursor.valid(); cursor.next()) text += std::string(cursor.key()) + " ";
  REQUIRE(cursor.status());
  return text;
}

}  // namespace

TEST_CASE("what was committed is there after the database was closed and opened again") {
  Scratch scratch;
  {
    auto database = open_queue(scratch);
    put(database, "a", "1");
    put(database, "empty", "");
  }
  auto database = open_queue(scratch);
  CHECK(found(database, "a") == "1");
  CHECK(found(database, "empty") == "");
  CHECK(found(database, "b") == "(absent)");
}

TEST_CASE("a batch is applied in its order and is empty afterwards") {
  Scratch scratch;
  auto database = open_queue(scratch);
  Batch batch;
  batch.put("k/1", "a");
  batch.put("k/2", "b");
  batch.put("l/1", "c");
  batch.erase_prefix("k/");
  batch.put("k/3", "d");
  CHECK(batch.count() == 5);
  REQUIRE(database.commit(batch));
  CHECK(batch.empty());
  CHECK(keys(database.scan("")) == "k/3 l/1 ");
  batch.single_erase("l/1");
  batch.erase("k/3");
  REQUIRE(database.commit(batch, Sync::No));
  CHECK(keys(database.scan("")) == "");
}

TEST_CASE("a scan sees keys of its prefix alone, a seek stays within it") {
  Scratch scratch;
  auto database = open_queue(scratch);
  for (const char* key : {"a", "b/", "b/1", "b/2", "b0", "\xff\xff", "\xff\xff\x01"}) {
    put(database, key, key);
  }
  CHECK(keys(database.scan("b/")) == "b/ b/1 b/2 ");
  CHECK(keys(database.scan("\xff\xff")) == "\xff\xff \xff\xff\x01 ");
  CHECK(keys(database.scan_range("b/1", "b0")) == "b/1 b/2 ");
  CHECK(keys(database.scan_range("b/2", "")) == "b/2 b0 \xff\xff \xff\xff\x01 ");
  auto cursor = database.scan("b/");
  cursor.seek("b/11");
  CHECK(cursor.key() == "b/2");
  cursor.seek("a");
  CHECK(cursor.key() == "b/");
  cursor.seek("c");
  CHECK_FALSE(cursor.valid());
}

TEST_CASE("a snapshot does not see what is committed later") {
  Scratch scratch;
  auto database = open_queue(scratch);
  put(database, "a", "old");
  auto snapshot = database.snapshot();
  put(database, "a", "new");
  put(database, "b", "new");
  CHECK(**database.find("a", snapshot) == "old");
  CHECK(keys(database.scan("", snapshot)) == "a ");
  CHECK(found(database, "a") == "new");
}

TEST_CASE("a database that somebody else holds is Locked") {
  Scratch scratch;
  auto database = open_queue(scratch);
  auto second = Database::open(scratch.path() / "db", Profile::queue());
  REQUIRE_FALSE(second);
  CHECK(storage_problem(second.error()) == StorageProblem::Locked);
  CHECK(second.error().is_temporary());
}

TEST_CASE("reading where there is no database is Absent, and nothing is created") {
  Scratch scratch;
  auto opened = Database::open_read_only(scratch.path() / "none", Profile::small());
  REQUIRE_FALSE(opened);
  CHECK(storage_problem(opened.error()) == StorageProblem::Absent);
  CHECK_FALSE(std::filesystem::exists(scratch.path() / "none"));
}

TEST_CASE("flushing and compacting change nothing that can be seen") {
  Scratch scratch;
  for (auto profile : {Profile::queue(), Profile::small()}) {
    auto opened = Database::open(scratch.path() / "db", profile);
    REQUIRE(opened);
    for (int i = 0; i < 1000; ++i) put(*opened, "k" + std::to_string(i), std::string(100, 'x'));
    REQUIRE(opened->flush());
    REQUIRE(opened->compact());
    CHECK(found(*opened, "k999") == std::string(100, 'x'));
  }
}

TEST_CASE("a finished table is read as it was built") {
  Scratch scratch;
  auto builder = TableBuilder::create(scratch.path() / "table");
  REQUIRE(builder);
  REQUIRE(builder->add("a", "1"));
  REQUIRE(builder->add("b", ""));
  CHECK_FALSE(builder->add("a", "again"));
  REQUIRE(builder->finish());
  auto table = Database::open_read_only(scratch.path() / "table", Profile::table());
  REQUIRE(table);
  CHECK(found(*table, "a") == "1");
  CHECK(found(*table, "b") == "");
  CHECK(found(*table, "c") == "(absent)");
}

TEST_CASE("an empty table is a table") {
  Scratch scratch;
  auto builder = TableBuilder::create(scratch.path() / "table");
  REQUIRE(builder);
  REQUIRE(builder->finish());
  auto table = Database::open_read_only(scratch.path() / "table", Profile::table());
  REQUIRE(table);
  CHECK(keys(table->scan("")) == "");
}

TEST_CASE("an unfinished table leaves nothing behind") {
  Scratch scratch;
  {
    auto builder = TableBuilder::create(scratch.path() / "table");
    REQUIRE(builder);
    REQUIRE(builder->add("a", "1"));
  }
  CHECK_FALSE(std::filesystem::exists(scratch.path() / "table"));
}

TEST_CASE("a checkpoint is a database of its own with what there was when it was made") {
  Scratch scratch;
  auto database = open_queue(scratch);
  put(database, "a", "before");
  REQUIRE(database.checkpoint(scratch.path() / "copy"));
  put(database, "a", "after");
  put(database, "b", "after");
  {
    auto copy = Database::open(scratch.path() / "copy", Profile::queue());
    REQUIRE(copy);
    CHECK(found(*copy, "a") == "before");
    CHECK(found(*copy, "b") == "(absent)");
    put(*copy, "a", "of the copy");
  }
  CHECK(found(database, "a") == "after");
  // It is never made over another one.
  CHECK_FALSE(database.checkpoint(scratch.path() / "copy"));
  put(database, "c", "goes on");
}
