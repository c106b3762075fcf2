#include "store/kv/salvage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/scratch.h"
#include "store/kv/log_file.h"
#include "store/kv/log_reserve.h"
#include "store/kv/testing.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

constexpr int entry_count = 300;
constexpr int batch_count = entry_count / 10 + 1;  // the log's own first entry is one
constexpr int logged_count = entry_count + 1;

std::string key_of(int i) { return "body/" + std::to_string(i); }
std::string value_of(int i) {
  return std::string(500 + static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
}

void rewrite(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// 300 entries, ten in a batch, all in the log.
void fill(const fs::path& directory) {
  auto database = Database::open(directory, Profile::queue());
  REQUIRE(database);
  Batch batch;
  for (int i = 0; i < entry_count; ++i) {
    batch.put(key_of(i), value_of(i));
    if (i % 10 == 9) REQUIRE(database->commit(batch));
  }
}

// What a kill leaves: the log with its reserved room.
void copy_while_open(const fs::path& directory, const fs::path& target) {
  auto database = Database::open(directory, Profile::queue());
  REQUIRE(database);
  Batch batch;
  for (int i = 0; i < entry_count; ++i) {
    batch.put(key_of(i), value_of(i));
    if (i % 10 == 9) REQUIRE(database->commit(batch));
  }
  fs::create_directory(target);
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with("reserve")) continue;
    fs::copy(entry.path(), target / entry.path().filename());
  }
}

fs::path only(const fs::path& directory, std::string_view extension) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == extension && fs::file_size(entry.path()) > 0)
      found = entry.path();
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

int right_entries(const Database& database) {
  int right = 0;
  for (int i = 0; i < entry_count; ++i) {
    auto value = database.find(key_of(i));
    REQUIRE(value);
    if (!*value) continue;
    CHECK(**value == value_of(i));
    ++right;
  }
  return right;
}

}  // namespace

TEST_CASE("a log is read as the same batches that were written") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto bytes = bytes_of(only(scratch.path() / "db", ".log"));
  auto content = read_log(bytes);
  CHECK(content.is_sound());
  CHECK(content.batches.size() == batch_count);
  CHECK(content.sound_bytes == bytes.size());
  CHECK(write_log(content.batches) == bytes);
}

TEST_CASE("a single wrong byte anywhere in a log loses nothing, or the one entry that it names") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto bytes = bytes_of(only(scratch.path() / "db", ".log"));
  std::size_t not_repaired = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 13) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    auto content = read_log(damaged);
    std::size_t entries = 0;
    for (const auto& batch : content.batches) entries += batch.count;
    CAPTURE(at);
    CHECK(entries + content.lost_keys.size() + content.lost_unnamed == logged_count);
    CHECK(entries + 1 >= logged_count);
    not_repaired += entries < logged_count;
  }
  CHECK(not_repaired == 0);
}

TEST_CASE("a database with a wrong byte in its log is opened whole, with a copy and a report") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto log = only(scratch.path() / "db", ".log");
  auto bytes = bytes_of(log);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
  rewrite(log, bytes);

  auto strict = Database::open(scratch.path() / "db", Profile::queue());
  REQUIRE_FALSE(strict);
  CHECK(storage_problem(strict.error()) == StorageProblem::Damaged);

  auto salvaged = open_or_salvage(scratch.path() / "db", Profile::queue(), ManualClock());
  REQUIRE(salvaged);
  REQUIRE(salvaged->loss);
  CHECK(salvaged->loss->is_certain_to_be_nothing());
  CHECK(salvaged->loss->repaired == 1);
  CHECK(right_entries(salvaged->database) == entry_count);
  CHECK(salvaged->loss->copy == scratch.path() / "db.damaged-1700000000");
  CHECK(bytes_of(salvaged->loss->copy / log.filename()) == bytes);
}

TEST_CASE("many wrong bytes cost the entries they hit, by name") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto log = only(scratch.path() / "db", ".log");
  auto bytes = bytes_of(log);
  auto hit = bytes.find(value_of(155));
  REQUIRE(hit != bytes.npos);
  for (std::size_t i = 0; i < 9; ++i) bytes[hit + 100 + i * 11] = '!';
  rewrite(log, bytes);
  auto salvaged = open_or_salvage(scratch.path() / "db", Profile::queue());
  REQUIRE(salvaged);
  REQUIRE(salvaged->loss);
  CHECK(salvaged->loss->keys == std::vector<std::string>{key_of(155)});
  CHECK(right_entries(salvaged->database) == entry_count - 1);
}

TEST_CASE("a hole in the log costs what was there, counted") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto log = only(scratch.path() / "db", ".log");
  auto bytes = bytes_of(log);
  std::fill(bytes.begin() + 50'000, bytes.begin() + 54'096, '\0');
  rewrite(log, bytes);
  auto salvaged = open_or_salvage(scratch.path() / "db", Profile::queue());
  REQUIRE(salvaged);
  REQUIRE(salvaged->loss);
  int right = right_entries(salvaged->database);
  CHECK(right >= entry_count - 20);
  CHECK(right + static_cast<int>(salvaged->loss->keys.size() + salvaged->loss->unnamed) >=
        entry_count);
}

TEST_CASE("those who open a damaged database at once wait for each other, and no more is lost") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto log = only(scratch.path() / "db", ".log");
  auto bytes = bytes_of(log);
  std::fill(bytes.begin() + 50'000, bytes.begin() + 54'096, '\0');
  rewrite(log, bytes);
  std::mutex mutex;
  int least = entry_count;
  int failures = 0;
  auto open = [&] {
    for (;;) {
      auto salvaged = open_or_salvage(scratch.path() / "db", Profile::queue());
      std::lock_guard guard(mutex);
      if (salvaged) {
        least = std::min(least, right_entries(salvaged->database));
        return;
      }
      if (storage_problem(salvaged.error()) != StorageProblem::Locked) {
        ++failures;
        return;
      }
    }
  };
  std::vector<std::thread> openers;
  for (int i = 0; i < 4; ++i) openers.emplace_back(open);
  for (auto& opener : openers) opener.join();
  CHECK(failures == 0);
  CHECK(least >= entry_count - 20);
}

TEST_CASE("a write cut off at the log's end is no loss, wherever the cut is") {
  Scratch scratch;
  fill(scratch.path() / "db");
  auto log = only(scratch.path() / "db", ".log");
  auto bytes = bytes_of(log);
  for (unsigned cut : {1u, 8u, 700u, 4000u}) {
    CAPTURE(cut);
    fs::path directory = scratch.path() / ("cut" + std::to_string(cut));
    fs::copy(scratch.path() / "db", directory);
    rewrite(directory / log.filename(), bytes.substr(0, bytes.size() - cut));
    auto salvaged = open_or_salvage(directory, Profile::queue());
    REQUIRE(salvaged);
    CHECK_FALSE(salvaged->loss);
    CHECK(right_entries(salvaged->database) == entry_count - 10);
  }
}

TEST_CASE("a log that its writer never closed ends where its reserved room begins") {
  Scratch scratch;
  fs::path killed = scratch.path() / "killed";
  copy_while_open(scratch.path() / "db", killed);
  auto bytes = bytes_of(only(killed, ".log"));
  CHECK(bytes.size() == first_log_bytes_max);
  auto content = read_log(bytes);
  CHECK(content.is_sound());
  CHECK_FALSE(content.unfinished_tail);
  CHECK(content.batches.size() == batch_count);
  auto salvaged = open_or_salvage(killed, Profile::queue());
  REQUIRE(salvaged);
  CHECK_FALSE(salvaged->loss);
  CHECK(right_entries(salvaged->database) == entry_count);
}

TEST_CASE("a wrong byte near the end of a log with reserved room is put right") {
  Scratch scratch;
  fs::path killed = scratch.path() / "killed";
  copy_while_open(scratch.path() / "db", killed);
  auto bytes = bytes_of(only(killed, ".log"));
  std::size_t end = read_log(bytes).sound_bytes;
  for (std::size_t at = end - 9'000; at < end; at += 7) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    auto content = read_log(damaged);
    CAPTURE(at);
    CHECK(content.repaired == 1);
    CHECK(content.batches.size() == batch_count);
  }
}

TEST_CASE("a last write of which a power cut kept any sectors is no loss") {
  Scratch scratch;
  fs::path killed = scratch.path() / "killed";
  copy_while_open(scratch.path() / "db", killed);
  auto log = only(killed, ".log");
  auto bytes = bytes_of(log);
  std::string before = write_log([&] {
    auto batches = read_log(bytes).batches;
    batches.pop_back();
    return batches;
  }());
  std::size_t begin = before.size();
  std::size_t end = read_log(bytes).sound_bytes;
  std::uint32_t random = 7;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    auto torn = bytes;
    bool is_torn = false;
    for (std::size_t at = begin; at < end; at = (at / 512 + 1) * 512) {
      random = random * 1664525 + 1013904223;
      // Some keep a prefix, some lose their first sectors, most keep a mixture.
      bool is_kept = round % 3 == 0 ? at < begin + (end - begin) * static_cast<unsigned>(round) / 60
                     : round % 3 == 1 ? at > begin + 512u * static_cast<unsigned>(round)
                                      : (random >> 16 & 1) != 0;
      if (is_kept) continue;
      std::size_t stop = std::min((at / 512 + 1) * 512, end);
      if (stop - at >= 16) is_torn = true;
      std::fill(torn.begin() + static_cast<std::ptrdiff_t>(at),
                torn.begin() + static_cast<std::ptrdiff_t>(stop), '\0');
    }
    if (!is_torn) continue;
    fs::path directory = scratch.path() / ("torn" + std::to_string(round));
    fs::copy(killed, directory);
    rewrite(directory / log.filename(), torn);
    auto salvaged = open_or_salvage(directory, Profile::queue());
    REQUIRE(salvaged);
    CHECK_FALSE(salvaged->loss);
    CHECK(right_entries(salvaged->database) == entry_count - 10);
  }
}

TEST_CASE("a database whose list of files is damaged or gone is put together again") {
  for (const char* harm : {"flip", "remove CURRENT", "remove MANIFEST"}) {
    CAPTURE(harm);
    Scratch scratch;
    fs::path directory = scratch.path() / "db";
    fill(directory);
    {
      auto database = Database::open(directory, Profile::queue());
      REQUIRE(database);
      REQUIRE(database->flush());
    }
    fs::path manifest;
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (entry.path().filename().string().starts_with("MANIFEST")) manifest = entry.path();
    }
    if (std::string_view(harm) == "remove CURRENT") {
      fs::remove(directory / "CURRENT");
    } else if (std::string_view(harm) == "remove MANIFEST") {
      fs::remove(manifest);
    } else {
      auto bytes = bytes_of(manifest);
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      rewrite(manifest, bytes);
    }
    auto salvaged = open_or_salvage(directory, Profile::queue());
    REQUIRE(salvaged);
    REQUIRE(salvaged->loss);
    CHECK(right_entries(salvaged->database) == entry_count);
  }
}

TEST_CASE("a wrong byte in a table file costs at most what it hits") {
  Scratch scratch;
  fs::path directory = scratch.path() / "db";
  fill(directory);
  {
    auto database = Database::open(directory, Profile::queue());
    REQUIRE(database);
    REQUIRE(database->flush());
  }
  auto table = only(directory, ".sst");
  auto bytes = bytes_of(table);
  auto hit = bytes.find(value_of(155));
  REQUIRE(hit != bytes.npos);
  bytes[hit + 50] = '!';
  rewrite(table, bytes);
  auto opened = Database::open(directory, Profile::queue());
  REQUIRE(opened);
  auto value = opened->find(key_of(155));
  REQUIRE_FALSE(value);
  CHECK(storage_problem(value.error()) == StorageProblem::Damaged);
}
