#include "common/process/directories.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/base/scratch.h"

using namespace pennypost;
namespace fs = std::filesystem;

namespace {

constexpr uid_t stranger = 65534;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

uid_t owner_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_uid;
}

void give_away(const std::string& path) {
  REQUIRE(::lchown(path.c_str(), stranger, stranger) == 0);
}

}  // namespace

TEST_CASE("a directory is made with those above it, and one that exists stays as it is") {
  Scratch scratch;
  REQUIRE(prepare_directory(scratch / "a/b", 0700, nullptr, "setting"));
  CHECK(mode_of(scratch / "a/b") == 0700);
  REQUIRE(prepare_directory(scratch / "a/b", 0755, nullptr, "setting"));
  CHECK(mode_of(scratch / "a/b") == 0700);
}

TEST_CASE("an owned directory gets its mode also when it exists") {
  Scratch scratch;
  for (mode_t mode : {0755u, 01730u}) {
    auto directory =
        own_directory(scratch / "a/b", mode, ::geteuid(), ::getegid(), "queue_directory");
    REQUIRE(directory);
    CHECK(mode_of(scratch / "a/b") == mode);
    REQUIRE(own_directory_in(*directory, "c", mode, ::geteuid(), ::getegid(), scratch / "a/b/c"));
    CHECK(mode_of(scratch / "a/b/c") == mode);
  }
}

TEST_CASE("a file in a directory's place is an error that names the setting") {
  Scratch scratch;
  auto failed = prepare_directory("/dev/null", 0700, nullptr, "data_directory");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text().starts_with("data_directory = /dev/null: Not a directory"));
  CHECK_FALSE(prepare_directory("/dev/null/below", 0700, nullptr, "data_directory"));
}

TEST_CASE("root gives away no directory to which somebody else's link leads") {
  if (!is_root()) return;
  Scratch scratch;
  for (const char* name : {"theirs", "victim"}) fs::create_directory(scratch / name);
  fs::create_symlink(scratch / "victim", scratch / "theirs/link");
  Identity owner;
  owner.uid = owner.gid = stranger;
  auto theirs = own_directory(scratch / "theirs", 0755, stranger, stranger, "setting");
  REQUIRE(theirs);
  CHECK_FALSE(own_directory_in(*theirs, "link", 0755, stranger, stranger, "link"));
  CHECK_FALSE(own_directory(scratch / "theirs/link", 0755, stranger, stranger, "setting"));
  CHECK_FALSE(prepare_directory(scratch / "theirs/link/new", 0755, &owner, "setting"));
  CHECK(owner_of(scratch / "victim") == 0);
  CHECK(fs::is_empty(scratch / "victim"));
}

TEST_CASE("who may exchange a directory is the owner of one above it, or everybody") {
  if (!is_root()) return;
  Scratch scratch;
  REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
  fs::create_directories(scratch / "above/below");
  std::string path = scratch / "above/below";
  CHECK_FALSE(who_may_exchange(path, Groups::Strangers));
  REQUIRE(::chmod((scratch / "above").c_str(), 01777) == 0);
  CHECK_FALSE(who_may_exchange(path, Groups::Strangers));
  REQUIRE(::chmod((scratch / "above").c_str(), 0777) == 0);
  auto found = who_may_exchange(path, Groups::Strangers);
  REQUIRE(found);
  CHECK(found->reason == (scratch / "above") + " is writable by everybody");
  CHECK_FALSE(found->owner);
  REQUIRE(::chmod((scratch / "above").c_str(), 0775) == 0);
  REQUIRE(::chown((scratch / "above").c_str(), 0, stranger) == 0);
  CHECK(who_may_exchange(path, Groups::Strangers));
  CHECK_FALSE(who_may_exchange(path, Groups::Trusted));
  give_away(scratch / "above");
  REQUIRE(who_may_exchange(path, Groups::Trusted));
  CHECK(who_may_exchange(path, Groups::Trusted)->owner == stranger);
  // Itself does not count for what it is exchanged for, but for what is put into it.
  give_away(path);
  REQUIRE(::chown((scratch / "above").c_str(), 0, 0) == 0);
  CHECK_FALSE(who_may_exchange(path, Groups::Strangers));
  CHECK(who_may_change(path, Groups::Strangers));
}
