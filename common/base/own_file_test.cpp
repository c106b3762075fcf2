#include "common/base/own_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/scratch.h"

using namespace pennypost;
namespace fs = std::filesystem;

namespace {

constexpr uid_t stranger = 65534;
constexpr int log_flags = O_WRONLY | O_APPEND | O_CREAT;

int error_of(const Descriptor& file) { return file ? 0 : errno; }

void write_file(const std::string& path) { std::ofstream(path) << "text"; }

}  // namespace

TEST_CASE("a file of our own is made with its mode, and found again") {
  Scratch scratch;
  CHECK(open_own_file(scratch / "file", log_flags, 0640));
  struct stat status {};
  REQUIRE(::stat((scratch / "file").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  CHECK(open_own_file(scratch / "file", log_flags));
  CHECK(error_of(open_own_file(scratch / "none", O_RDONLY)) == ENOENT);
  CHECK(error_of(open_own_file(scratch / "none/file", log_flags)) == ENOENT);
}

TEST_CASE("root opens nothing of somebody else's in the place of a file of its own") {
  // Without root links are followed as usual.
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  Scratch scratch;
  fs::create_directory(scratch / "theirs");
  write_file(scratch / "secret");
  fs::create_symlink(scratch / "secret", scratch / "theirs/link");
  fs::create_hard_link(scratch / "secret", scratch / "theirs/name");
  REQUIRE(::mkfifo((scratch / "theirs/fifo").c_str(), 0600) == 0);
  for (const char* name : {"theirs", "theirs/link", "theirs/fifo"}) {
    REQUIRE(::lchown((scratch / name).c_str(), stranger, stranger) == 0);
  }
  CHECK(error_of(open_own_file(scratch / "theirs/link", log_flags)) == ELOOP);
  CHECK(error_of(open_own_file(scratch / "theirs/name", log_flags)) == EMLINK);
  CHECK(error_of(open_own_file(scratch / "theirs/fifo", O_WRONLY)) == ENXIO);
  CHECK(error_of(open_own_file(scratch / "theirs/fifo", O_RDWR)) == EPERM);
  CHECK(error_of(open_own_file(scratch / "theirs", O_RDONLY)) == EPERM);
  CHECK(open_own_file(scratch / "theirs/new", log_flags));
}

TEST_CASE("root follows a link of root's to the file that it names, and writes to devices") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  Scratch scratch;
  write_file(scratch / "file");
  fs::create_symlink("file", scratch / "link");
  CHECK(open_own_file(scratch / "link", log_flags));
  CHECK(open_own_file("/dev/null", log_flags));
}

TEST_CASE("a file that is opened waits for its reader as usual") {
  Scratch scratch;
  auto file = open_own_file(scratch / "file", log_flags);
  CHECK((::fcntl(file.number(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("a refusal says what it means") {
  CHECK(describe_refusal("/x", ELOOP).starts_with("/x: the path has a symbolic link"));
  CHECK(describe_refusal("/x", EMLINK).find("hard link") != std::string::npos);
  CHECK(describe_refusal("/x", ENOENT) == "/x: No such file or directory");
}
