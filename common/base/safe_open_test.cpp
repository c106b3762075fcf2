#include "common/base/safe_open.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/scratch.h"

using namespace pennypost;
namespace fs = std::filesystem;

namespace {

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string read_all(const Descriptor& file) {
  std::string text(100, '\0');
  auto count = ::read(file.number(), text.data(), text.size());
  return count < 0 ? "unreadable" : text.substr(0, static_cast<std::size_t>(count));
}

/// The links of this user, who has made them all here.
std::vector<uid_t> ours() { return {::geteuid()}; }

/// Whose links count for nobody: as root makes the links of these tests, they need another owner.
void give_away(const std::string& link) {
  if (::geteuid() == 0) REQUIRE(::lchown(link.c_str(), 65534, 65534) == 0);
}

int error_of(const Descriptor& file) { return file ? 0 : errno; }

}  // namespace

TEST_CASE("below a directory no link is followed, and no path leads out") {
  Scratch scratch;
  fs::create_directories(scratch / "top/sub");
  write_file(scratch / "outside", "secret");
  write_file(scratch / "top/sub/file", "text");
  fs::create_symlink("../outside", scratch / "top/link");
  fs::create_symlink("sub", scratch / "top/way");
  Descriptor top(::open((scratch / "top").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(top);

  CHECK(read_all(open_beneath(top.number(), "sub/file", O_RDONLY)) == "text");
  CHECK(read_all(open_beneath(top.number(), "./sub//file", O_RDONLY)) == "text");
  struct Refused {
    const char* path;
    int flags;
    int error;
  };
  for (auto refused : {
           Refused{"link", O_RDONLY, ELOOP},
           Refused{"link", O_WRONLY | O_CREAT, ELOOP},
           Refused{"way/file", O_RDONLY, ELOOP},
           Refused{"way/new", O_WRONLY | O_CREAT, ELOOP},
           Refused{"../outside", O_RDONLY, ELOOP},
           Refused{"sub/../../outside", O_RDONLY, ELOOP},
           Refused{"/etc/passwd", O_RDONLY, ELOOP},
           Refused{"sub/none", O_RDONLY, ENOENT},
           Refused{"sub/file/", O_RDONLY, ENOTDIR},
           Refused{"sub/file/x", O_RDONLY, ENOTDIR},
       }) {
    CAPTURE(refused.path);
    CHECK(error_of(open_beneath(top.number(), refused.path, refused.flags)) == refused.error);
  }
}

TEST_CASE("a file is made below a directory with the mode asked for") {
  Scratch scratch;
  fs::create_directory(scratch / "top");
  Descriptor top(::open((scratch / "top").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto made = open_beneath(top.number(), "new", O_WRONLY | O_CREAT | O_EXCL, 0640);
  REQUIRE(made);
  struct stat status {};
  REQUIRE(::fstat(made.number(), &status) == 0);
  CHECK((status.st_mode & 0600) == 0600);
  CHECK((status.st_mode & 0007) == 0);
  CHECK(error_of(open_beneath(top.number(), "new", O_WRONLY | O_CREAT | O_EXCL)) == EEXIST);
}

TEST_CASE("links of trusted owners are followed, those of others are not") {
  Scratch scratch;
  fs::create_directories(scratch / "real/sub");
  write_file(scratch / "real/sub/file", "text");
  fs::create_directory_symlink("real", scratch / "trusted");
  fs::create_directory_symlink(scratch / "trusted", scratch / "absolute");
  fs::create_symlink("real/sub/file", scratch / "end");
  CHECK(read_all(open_trusted(scratch / "trusted/sub/file", ours(), O_RDONLY)) == "text");
  CHECK(read_all(open_trusted(scratch / "absolute/sub/../sub/file", ours(), O_RDONLY)) == "text");
  CHECK(read_all(open_regular(scratch / "end", ours())) == "text");

  for (const auto* link : {"trusted", "absolute", "end"}) give_away(scratch / link);
  std::vector<uid_t> nobody;
  CHECK(error_of(open_trusted(scratch / "trusted/sub/file", nobody, O_RDONLY)) == ELOOP);
  CHECK(error_of(open_regular(scratch / "absolute/sub/file", nobody)) == ELOOP);
  CHECK(error_of(open_regular(scratch / "end", nobody)) == ELOOP);
}

TEST_CASE("a link of a trusted owner is not followed in somebody else's directory") {
  // Nobody else can give a directory away.
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  Scratch scratch;
  fs::create_directory(scratch / "theirs");
  write_file(scratch / "secret", "secret");
  fs::create_symlink(scratch / "secret", scratch / "theirs/link");
  CHECK(read_all(open_trusted(scratch / "theirs/link", {}, O_RDONLY)) == "secret");
  give_away(scratch / "theirs");
  CHECK(error_of(open_trusted(scratch / "theirs/link", {}, O_RDONLY)) == ELOOP);
}

TEST_CASE("a link at the end is no place for a new file") {
  Scratch scratch;
  fs::create_symlink(scratch / "elsewhere", scratch / "link");
  CHECK(error_of(open_trusted(scratch / "link", ours(), O_WRONLY | O_CREAT)) == ELOOP);
  CHECK_FALSE(fs::exists(scratch / "elsewhere"));
}

TEST_CASE("links that lead in a circle end") {
  Scratch scratch;
  fs::create_symlink("b", scratch / "a");
  fs::create_symlink("a", scratch / "b");
  CHECK(error_of(open_trusted(scratch / "a", ours(), O_RDONLY)) == ELOOP);
}

TEST_CASE("only regular files are opened as such, and nothing else holds the reader up") {
  Scratch scratch;
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  fs::create_directory(scratch / "directory");
  CHECK(error_of(open_regular(scratch / "fifo", ours())) == EINVAL);
  CHECK(error_of(open_regular(scratch / "directory", ours())) == EINVAL);
  CHECK(error_of(open_regular("/dev/null", ours())) == EINVAL);
  CHECK(error_of(open_regular("/", ours())) == EINVAL);
  CHECK(error_of(open_regular(scratch / "none", ours())) == ENOENT);
  CHECK(error_of(open_regular("relative", ours())) == EINVAL);
}

TEST_CASE("what its group or others may write to is not written by its owner alone") {
  struct stat status {};
  status.st_uid = 1000;
  for (mode_t mode : {0600u, 0644u, 0755u}) {
    status.st_mode = mode;
    CHECK(is_written_only_by(status, 1000));
    CHECK_FALSE(is_written_only_by(status, 1001));
  }
  for (mode_t mode : {0660u, 0602u, 0777u}) {
    status.st_mode = mode;
    CHECK_FALSE(is_written_only_by(status, 1000));
  }
  status.st_uid = 0;
  status.st_mode = 0644;
  CHECK(is_written_only_by(status, 1000));
}
