#include "store/kv/log_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "common/base/scratch.h"
#include "store/kv/testing.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<LogWriter> open_log(const fs::path& file) {
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  return std::make_unique<LogWriter>(fd, file.string());
}

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i * 7 % 23);
  return text;
}

void append(LogWriter& log, std::string_view bytes) {
  REQUIRE(log.Append({bytes.data(), bytes.size()}, {}, nullptr).ok());
}

}  // namespace

TEST_CASE("a log holds what was appended, in whatever pieces, and is cut to that when closed") {
  Scratch scratch;
  auto text = pattern(3 * log_write_bytes_max);
  std::string_view rest = text;
  auto log = open_log(scratch.path() / "log");
  for (std::size_t piece : {std::size_t{1}, log_block_bytes - 1, log_block_bytes, std::size_t{100},
                            log_write_bytes_max + 1, std::size_t{0}, rest.size()}) {
    auto part = rest.substr(0, piece);
    rest.remove_prefix(part.size());
    append(*log, part);
    CHECK(log->GetFileSize({}, nullptr) == text.size() - rest.size());
    CHECK(bytes_of(scratch.path() / "log").starts_with(text.substr(0, text.size() - rest.size())));
  }
  REQUIRE(log->Sync({}, nullptr).ok());
  REQUIRE(log->Close({}, nullptr).ok());
  CHECK(bytes_of(scratch.path() / "log") == text);
}

TEST_CASE(
    "behind the last octet of a log in use there are zeros only, on reserved room and beyond") {
  Scratch scratch;
  fs::path file = scratch.path() / "log";
  std::ofstream(file, std::ios::binary) << std::string(2 * log_block_bytes, '\0');
  auto log = open_log(file);
  append(*log, pattern(log_block_bytes + 10));
  auto bytes = bytes_of(file);
  CHECK(bytes.size() == 2 * log_block_bytes);
  CHECK(bytes.find_last_not_of('\0') + 1 == log_block_bytes + 10);

  append(*log, pattern(log_block_bytes));
  bytes = bytes_of(file);
  CHECK(bytes.size() == 3 * log_block_bytes);
  CHECK(bytes.find_last_not_of('\0') + 1 == 2 * log_block_bytes + 10);
}

TEST_CASE("a log that can't be written says which, and what the matter is") {
  Scratch scratch;
  fs::path file = scratch.path() / "log";
  std::ofstream(file).put('x');
  LogWriter log(::open(file.c_str(), O_RDONLY | O_CLOEXEC), file.string());
  auto status = log.Append({"x", 1}, {}, nullptr);
  CHECK(status.IsIOError());
  CHECK(status.ToString().find(file.string() + ": Bad file descriptor") != std::string::npos);
  CHECK(log.GetFileSize({}, nullptr) == 0);
}
