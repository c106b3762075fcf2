#include "common/base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "common/base/scratch.h"

using namespace pennypost;

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

/// A file with this content, open for reading.
Descriptor file_with(const Scratch& scratch, std::string_view content) {
  std::string path = (scratch.path() / "file").string();
  auto file = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
  REQUIRE(file);
  REQUIRE(write_all(file->number(), content, path));
  REQUIRE(::lseek(file->number(), 0, SEEK_SET) == 0);
  return *std::move(file);
}

}  // namespace

TEST_CASE("a full disk is 452 4.3.1, any other failure of a file 451 4.3.0") {
  for (int error : {ENOSPC, EDQUOT, EFBIG}) {
    auto full = file_error("write", "/f", error);
    CHECK(full.code() == 452);
    CHECK(full.status() == EnhancedStatus("4.3.1"));
  }
  for (int error : {EACCES, EIO, EROFS, ENOENT}) {
    auto failed = file_error("write", "/f", error);
    CHECK(failed.code() == 451);
    CHECK(failed.status() == EnhancedStatus("4.3.0"));
  }
  auto full = file_error("write", "/f", ENOSPC);
  CHECK(full.text() == "can't write /f: No space left on device; make room on that file system");
  CHECK_FALSE(contains(full.client_text(), "/f"));
}

TEST_CASE("a range of a file is read up to the file's end, or exactly") {
  Scratch scratch;
  auto file = file_with(scratch, "0123456789");
  CHECK(*read_range(file.number(), 2, 3, "f") == "234");
  CHECK(*read_range(file.number(), 8, 5, "f") == "89");
  CHECK(*read_range(file.number(), 20, 5, "f") == "");
  CHECK(*read_exactly(file.number(), 8, 2, "f") == "89");
  auto beyond = read_exactly(file.number(), 8, 3, "f");
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().code() == 451);
  CHECK(beyond.error().text() == "can't read f: it is shorter than it was");
  CHECK(read_exactly(file.number(), 10, 0, "f")->empty());
  auto unreadable = read_range(-1, 0, 1, "f");
  REQUIRE_FALSE(unreadable);
  CHECK(unreadable.error().code() == 451);
}

TEST_CASE("as many bytes as were asked for are read, in however many pieces they come") {
  Scratch scratch;
  std::string long_text(200'000, 'x');
  auto file = file_with(scratch, long_text);
  CHECK(*read_up_to(file.number(), 150'000, "f") == long_text.substr(0, 150'000));
  CHECK(*read_up_to(file.number(), 150'000, "f") == long_text.substr(150'000));
  CHECK(*read_up_to(file.number(), 150'000, "f") == "");

  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Descriptor reading(ends[0]);
  std::thread writer([writing = Descriptor(ends[1])] {
    for (int i = 0; i < 3; ++i) CHECK(::write(writing.number(), "ab", 2) == 2);
  });
  CHECK(*read_up_to(reading.number(), 100, "pipe") == "ababab");
  writer.join();
}

TEST_CASE("a whole file is read, or told to be missing, or too large") {
  Scratch scratch;
  std::string path = (scratch.path() / "file").string();
  auto missing = read_file(path, 10);
  REQUIRE(missing);
  CHECK_FALSE(missing->has_value());
  file_with(scratch, "0123456789");
  auto whole = read_file(path, 10);
  REQUIRE(whole);
  CHECK(**whole == "0123456789");
  auto large = read_file(path, 9);
  REQUIRE_FALSE(large);
  CHECK(large.error().code() == 451);
  CHECK(contains(large.error().text(), path + ": it has more than 9 bytes"));
}
