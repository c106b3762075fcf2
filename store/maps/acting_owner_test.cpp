#include "store/maps/acting_owner.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

constexpr uid_t stranger = 65534;

struct Table {
  Table() {
    REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
    fs::create_directory(scratch / "lists");
    std::ofstream(base) << "key value\n";
  }
  void give_directory(uid_t owner, mode_t mode) {
    REQUIRE(::chown((scratch / "lists").c_str(), owner, owner) == 0);
    REQUIRE(::chmod((scratch / "lists").c_str(), mode) == 0);
  }
  Scratch scratch;
  std::string base = scratch / "lists/table";
};

}  // namespace

TEST_CASE("root stays root where nobody else can change the directory of a table") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  Table table;
  for (mode_t mode : {0755u, 01777u}) {
    table.give_directory(0, mode);
    auto acting = ActingOwner::take(table.base);
    REQUIRE(acting);
    CHECK_FALSE(acting->is_acting());
    CHECK(::geteuid() == 0);
  }
}

TEST_CASE("root acts as the owner of a table's directory, and is itself again afterwards") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  Table table;
  table.give_directory(stranger, 0755);
  {
    auto acting = ActingOwner::take(table.base);
    REQUIRE(acting);
    CHECK(::geteuid() == stranger);
    CHECK(::getegid() != 0);
    auto moved = std::move(*acting);
    CHECK(::geteuid() == stranger);
  }
  CHECK(::geteuid() == 0);
  CHECK(::getegid() == 0);
}

TEST_CASE("in a directory open to others root acts as the source's owner, who must not be root") {
  REQUIRE_MESSAGE(::geteuid() == 0, "this needs root");
  Table table;
  table.give_directory(0, 0777);
  auto refused = ActingOwner::take(table.base);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text().find("is writable by everybody") != std::string::npos);
  REQUIRE(::chown(table.base.c_str(), stranger, stranger) == 0);
  auto acting = ActingOwner::take(table.base);
  REQUIRE(acting);
  CHECK(::geteuid() == stranger);
}
