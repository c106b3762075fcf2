#include "common/net/listener.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"

using namespace pennypost;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

}  // namespace

TEST_CASE("a Unix socket has the permissions that were asked for, whatever the umask") {
  Scratch scratch;
  std::string path = scratch.path() / "socket";
  auto before = ::umask(077);
  SocketAccess access;
  access.mode = 0666;
  access.owner = ::getuid();
  access.group = ::getgid();
  auto made = listen_unix(path, access);
  ::umask(before);
  REQUIRE(made);
  CHECK(mode_of(path) == 0666);
  access.mode = 0640;
  REQUIRE(give_access(path, access));
  CHECK(mode_of(path) == 0640);
}

TEST_CASE("permissions are given to a socket alone, and only where it has one name") {
  Scratch scratch;
  std::string path = scratch.path() / "socket";
  std::string file = scratch.path() / "file";
  std::ofstream(file) << "text";
  auto mode = mode_of(file);
  SocketAccess access;
  access.mode = 0666;
  CHECK_FALSE(give_access(file, access));
  std::filesystem::create_symlink(file, path);
  CHECK_FALSE(give_access(path, access));
  CHECK(mode_of(file) == mode);
  std::filesystem::remove(path);
  auto made = listen_unix(path, access);
  REQUIRE(made);
  std::filesystem::create_hard_link(path, scratch.path() / "other");
  access.mode = 0600;
  CHECK_FALSE(give_access(path, access));
  CHECK(mode_of(path) == 0666);
}

TEST_CASE("a socket takes the place of one that nobody serves, and of nothing else") {
  Scratch scratch;
  std::string path = scratch.path() / "socket";
  REQUIRE(listen_unix(path, 0600));
  auto made = listen_unix(path, 0600);
  REQUIRE(made);
  auto second = listen_unix(path, 0600);
  REQUIRE_FALSE(second);
  CHECK(second.error().text().find("another process serves it") != std::string::npos);
  std::string file = scratch.path() / "file";
  std::ofstream(file) << "text";
  auto third = listen_unix(file, 0600);
  REQUIRE_FALSE(third);
  CHECK(third.error().text().find("exists and is no socket") != std::string::npos);
  CHECK(std::filesystem::file_size(file) == 4);
  remove_socket(file);
  CHECK(std::filesystem::exists(file));
  remove_socket(path);
  CHECK_FALSE(std::filesystem::exists(path));
}
