#include "smtpd/routing/list_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/process/privileges.h"

using namespace pennypost;
using namespace pennypost::smtp;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t bytes_max = 1024;
constexpr uid_t eve = 54321;
constexpr uid_t dave = 54322;

struct Lists {
  Scratch scratch;
  std::string path = scratch / "list";

  void write(const std::string& text, mode_t mode = 0644) const {
    std::ofstream(path) << text;
    REQUIRE(::chmod(path.c_str(), mode) == 0);
  }
  std::string by_admin() const {
    auto list = read_list_of_admin(path, ::geteuid(), bytes_max);
    return list ? list->text : list.error().text();
  }
  std::string by_user() const {
    auto list = read_list_of_user(path, "nobody-of-this-name", ::geteuid(), bytes_max);
    if (!list) return list.error().text();
    return *list ? (*list)->text : "no file";
  }
};

}  // namespace

TEST_CASE("a list is read whole, with its owner and whether all may read it") {
  Lists lists;
  lists.write("ann\nbob\n", 0640);
  auto list = read_list_of_admin(lists.path, ::geteuid(), bytes_max);
  REQUIRE(list);
  CHECK(list->text == "ann\nbob\n");
  CHECK(list->owner == ::geteuid());
  CHECK_FALSE(list->is_public);
  lists.write("ann\n", 0644);
  CHECK(read_list_of_admin(lists.path, ::geteuid(), bytes_max)->is_public);
  CHECK(lists.by_user() == "ann\n");
}

TEST_CASE("what is no list is refused for admin and user alike, at once and unquoted") {
  Lists lists;
  std::string reason;
  SUBCASE("a FIFO") {
    REQUIRE(::mkfifo(lists.path.c_str(), 0644) == 0);
    reason = "not a regular file";
  }
  SUBCASE("a directory") {
    fs::create_directory(lists.path);
    reason = "not a regular file";
  }
  SUBCASE("a device") {
    fs::create_symlink("/dev/zero", lists.path);
    reason = "not a regular file";
  }
  SUBCASE("too long") {
    lists.write(std::string(bytes_max + 1, 'x'));
    reason = "larger than dot_forward_bytes_max";
  }
  SUBCASE("open to all") {
    lists.write("secret\n", 0666);
    reason = "everybody can write to it; chmod o-w";
  }
  SUBCASE("with a second name") {
    lists.write("secret\n");
    fs::create_hard_link(lists.path, lists.scratch / "other");
    reason = "it has more than one name (hard links); remove the others";
  }
  CHECK(lists.by_admin() == reason);
  CHECK(lists.by_user() == reason);
}

TEST_CASE("a missing list is an error of the alias, but not of a user's file") {
  Lists lists;
  CHECK(lists.by_admin() == "No such file or directory");
  CHECK(lists.by_user() == "no file");
}

TEST_CASE("the reader's own links count") {
  Lists lists;
  std::ofstream(lists.scratch / "real") << "ann\n";
  fs::create_symlink("real", lists.path);
  CHECK(lists.by_admin() == "ann\n");
  CHECK(lists.by_user() == "ann\n");
}

TEST_CASE("links of others count only to files of their own") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root, who alone can give files away");
  Lists lists;
  const auto real = lists.scratch / "real";
  std::ofstream(real) << "ann\n";
  fs::create_symlink("real", lists.path);
  REQUIRE(::lchown(lists.path.c_str(), eve, eve) == 0);
  for (uid_t owner : {uid_t{0}, dave}) {
    REQUIRE(::chown(real.c_str(), owner, owner) == 0);
    CHECK(lists.by_admin() == "a symbolic link of another user leads to it");
    CHECK(lists.by_user() == "a symbolic link of another user leads to it");
  }
  REQUIRE(::chown(real.c_str(), eve, eve) == 0);
  CHECK(lists.by_admin() == "ann\n");
}

TEST_CASE("of a list that the lookup process may not see it learns the owner, whose process may") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root, who alone can give files away");
  Lists lists;
  const auto home = lists.scratch / "home";
  fs::create_directory(home);
  lists.path = home + "/list";
  lists.write("ann\n", 0600);
  REQUIRE(::chmod(lists.scratch.path().c_str(), 0755) == 0);
  uid_t owner = 0;
  SUBCASE("the list is closed") {
    REQUIRE(::chown(lists.path.c_str(), eve, eve) == 0);
    owner = eve;
  }
  SUBCASE("its directory is closed") {
    REQUIRE(::chown(home.c_str(), eve, eve) == 0);
    REQUIRE(::chmod(home.c_str(), 0700) == 0);
    owner = eve;
  }
  SUBCASE("the list is closed, and root's") {}
  SUBCASE("the list is closed, and the lookup process's own") {
    REQUIRE(::chown(lists.path.c_str(), dave, dave) == 0);
    REQUIRE(::chmod(lists.path.c_str(), 0) == 0);
  }
  REQUIRE(::seteuid(dave) == 0);
  auto list = read_list_of_admin(lists.path, dave, bytes_max);
  REQUIRE(::seteuid(0) == 0);
  if (owner == 0) {
    REQUIRE_FALSE(list);
    CHECK(list.error().text() == "mail_owner can't read it");
  } else {
    REQUIRE(list);
    CHECK(list->owner == owner);
    CHECK_FALSE(list->is_public);
    CHECK(list->text.empty());
  }
}

TEST_CASE("a user's file may name what the user may read, whatever the process may") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root, who may read everything");
  auto found = Identity::find("daemon");
  REQUIRE(found);
  REQUIRE(*found);
  const auto& user = **found;
  struct Row {
    uid_t owner;
    gid_t group;
    mode_t mode;
    bool is_readable;
  };
  for (const Row& row : {Row{user.uid, eve, 0400, true}, Row{eve, user.gid, 0640, true},
                         Row{eve, user.gid, 0604, false}, Row{eve, eve, 0640, false},
                         Row{eve, eve, 0604, true}, Row{eve, eve, 0600, false}}) {
    CAPTURE(row.owner);
    CAPTURE(row.group);
    CAPTURE(row.mode);
    Lists lists;
    lists.write("ann\n", row.mode);
    REQUIRE(::chown(lists.path.c_str(), row.owner, row.group) == 0);
    auto list = read_list_of_user(lists.path, user.name, user.uid, bytes_max);
    CHECK(list.has_value() == row.is_readable);
    if (!list) {
      CHECK(list.error().text() == "Permission denied");
      continue;
    }
    REQUIRE(*list);
    CHECK((*list)->text == "ann\n");
    CHECK((*list)->owner == row.owner);
    CHECK((*list)->is_public == (row.mode == 0604));
  }
}
