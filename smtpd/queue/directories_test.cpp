#include "smtpd/queue/directories.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/process/privileges.h"

using namespace pennypost;
using namespace pennypost::smtp;
namespace fs = std::filesystem;

namespace {

constexpr const char* needs_root = "this needs root, who alone can give directories away";

struct Place {
  Scratch scratch;
  std::string queue = scratch / "queue";
  std::string mail_owner = "daemon";
  std::string setgid_group = "mail";

  Place() { REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0); }
  /// The error's text; empty where all is well.
  std::string prepare() const {
    auto done = prepare_queue_directories(*config_for_test(
        {"queue_directory=" + queue, "mail_owner=" + mail_owner, "setgid_group=" + setgid_group}));
    return done ? "" : done.error().text();
  }
};

struct stat status_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("the queue's directories are mail_owner's, and maildrop takes mail from setgid_group") {
  REQUIRE_MESSAGE(::geteuid() == 0, needs_root);
  Place place;
  auto owner = Identity::find("daemon");
  auto group = Identity::find_group("mail");
  REQUIRE(owner);
  REQUIRE(*owner);
  REQUIRE(group);
  REQUIRE(*group);
  struct Row {
    const char* name;
    mode_t mode;
    gid_t group;
  };
  // The second time they are there already.
  for (int time = 0; time < 2; ++time) {
    REQUIRE(place.prepare() == "");
    for (const Row& row : {Row{"", 0755, (*owner)->gid}, Row{"/db", 0700, (*owner)->gid},
                           Row{"/maildrop", 01730, **group}}) {
      CAPTURE(row.name);
      auto status = status_of(place.queue + row.name);
      CHECK(S_ISDIR(status.st_mode));
      CHECK((status.st_mode & 07777) == row.mode);
      CHECK(status.st_uid == (*owner)->uid);
      CHECK(status.st_gid == row.group);
    }
  }
}

TEST_CASE("an account or a group that does not exist is named, with the command that makes it") {
  REQUIRE_MESSAGE(::geteuid() == 0, needs_root);
  Place place;
  place.mail_owner = "no-such-owner";
  CHECK(place.prepare() ==
        "mail_owner = no-such-owner: there is no such account; "
        "useradd --system --no-create-home no-such-owner");
  place.mail_owner = "daemon";
  place.setgid_group = "no-such-group";
  CHECK(place.prepare() ==
        "setgid_group = no-such-group: there is no such group; groupadd --system no-such-group");
  CHECK_FALSE(fs::exists(place.queue));
}

TEST_CASE("a queue that others could replace by their own is not made") {
  REQUIRE_MESSAGE(::geteuid() == 0, needs_root);
  Place place;
  fs::create_directory(place.scratch / "open");
  REQUIRE(::chmod((place.scratch / "open").c_str(), 0777) == 0);
  place.queue = place.scratch / "open/queue";
  auto refused = place.prepare();
  CHECK(refused.find("/open is writable by everybody, who could ") != std::string::npos);
  CHECK_FALSE(fs::exists(place.queue));
  REQUIRE(::chmod((place.scratch / "open").c_str(), 0755) == 0);
  CHECK(place.prepare() == "");
}
