#include "store/kv/log_reserve.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "common/base/scratch.h"
#include "store/kv/database.h"
#include "store/kv/testing.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t reserve_bytes = 512 << 10;

Profile small_queue() {
  Profile profile = Profile::queue();
  profile.memtable_bytes = 256 << 10;
  profile.memtable_bytes_tight = 64 << 10;
  profile.log_reserve_bytes = reserve_bytes;
  return profile;
}

ino_t file_number(const fs::path& file) {
  struct stat found {};
  return ::stat(file.c_str(), &found) == 0 ? found.st_ino : 0;
}

std::set<ino_t> logs_of(const fs::path& directory) {
  std::set<ino_t> found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".log") found.insert(file_number(entry.path()));
  }
  return found;
}

int tables_of(const fs::path& directory) {
  int found = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    found += entry.path().extension() == ".sst";
  }
  return found;
}

// A reserve's thread and RocksDB's own are waited for.
template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

Result<void> write(Database& database, const std::string& key, std::size_t bytes) {
  Batch batch;
  batch.put(key, std::string(bytes, 'x'));
  return database.commit(batch);
}

}  // namespace

TEST_CASE("a log that is done with becomes the next log's reserve: the same blocks, all zeros") {
  Scratch scratch;
  auto database = Database::open(scratch.path(), small_queue());
  REQUIRE(database);
  auto first = logs_of(scratch.path());
  REQUIRE(first.size() == 1);
  CHECK_FALSE(fs::exists(scratch.path() / "reserve"));
  REQUIRE(write(*database, "fills the memtable at once", 300 << 10));
  fs::path reserve = scratch.path() / "reserve";
  REQUIRE(comes_true([&] { return fs::exists(reserve); }));
  CHECK(file_number(reserve) == *first.begin());
  CHECK(fs::file_size(reserve) == reserve_bytes);
  auto bytes = bytes_of(reserve);
  CHECK(std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; }));

  // The log after the next takes it.
  REQUIRE(write(*database, "fills the next", 300 << 10));
  CHECK(comes_true([&] { return logs_of(scratch.path()).contains(*first.begin()); }));
  auto kept = database->find("fills the memtable at once");
  REQUIRE(kept);
  CHECK(kept->has_value());
}

TEST_CASE("a log that has another name, as in a copy made of links, is not written over") {
  Scratch scratch;
  auto database = Database::open(scratch.path() / "db", small_queue());
  REQUIRE(database);
  fs::path copy = scratch.path() / "copy.log";
  for (const auto& entry : fs::directory_iterator(scratch.path() / "db")) {
    if (entry.path().extension() == ".log") fs::create_hard_link(entry.path(), copy);
  }
  REQUIRE(write(*database, "fills the memtable at once", 300 << 10));
  auto number = file_number(copy);
  REQUIRE(comes_true([&] { return !logs_of(scratch.path() / "db").contains(number); }));
  CHECK_FALSE(fs::exists(scratch.path() / "db" / "reserve.new"));
  CHECK_FALSE(fs::exists(scratch.path() / "db" / "reserve"));
  auto bytes = bytes_of(copy);
  CHECK(bytes.find("fills the memtable at once") != std::string::npos);
}

TEST_CASE("a log that is half full has its successor's reserve made, where none was kept") {
  Scratch scratch;
  auto database = Database::open(scratch.path(), small_queue());
  REQUIRE(database);
  REQUIRE(write(*database, "less than half", 100 << 10));
  CHECK_FALSE(fs::exists(scratch.path() / "reserve"));
  REQUIRE(write(*database, "more than half", 50 << 10));
  CHECK(comes_true([&] { return fs::exists(scratch.path() / "reserve"); }));
  CHECK(tables_of(scratch.path()) == 0);
}

TEST_CASE("memtables are small where the disk has no room for a reserve") {
  Scratch scratch;
  Profile profile = small_queue();
  profile.log_reserve_bytes = std::uint64_t{1} << 60;  // more than any disk has
  auto database = Database::open(scratch.path(), profile);
  REQUIRE(database);
  REQUIRE(write(*database, "small", 32 << 10));
  CHECK(tables_of(scratch.path()) == 0);
  REQUIRE(write(*database, "beyond", 40 << 10));
  CHECK(comes_true([&] { return tables_of(scratch.path()) == 1; }));
  CHECK_FALSE(fs::exists(scratch.path() / "reserve"));
}

TEST_CASE("the very first log is small, and gives way to a large one as soon as it is full") {
  Scratch scratch;
  auto database = Database::open(scratch.path(), Profile::queue());
  REQUIRE(database);
  REQUIRE(write(*database, "half", 2200 << 10));
  REQUIRE(comes_true([&] { return fs::exists(scratch.path() / "reserve"); }));
  CHECK(fs::file_size(scratch.path() / "reserve") == Profile::queue().log_reserve_bytes);
  CHECK(tables_of(scratch.path()) == 0);
  REQUIRE(write(*database, "whole", 2200 << 10));
  CHECK(comes_true([&] { return tables_of(scratch.path()) == 1; }));
}
