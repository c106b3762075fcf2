#include "store/mailbox/file_place.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;
namespace fs = std::filesystem;

namespace {

struct Spool {
  Scratch scratch;
  StoreSettings settings;

  Spool() {
    fs::create_directory(scratch / "spool");
    fs::create_directory(scratch / "home");
    settings.spool_directory = scratch / "spool";
    settings.spool_name = "ann";
  }
  bool is_spool(const std::string& path) const {
    return FilePlace::of_mbox(path, settings).is_in_spool();
  }
};

}  // namespace

TEST_CASE("only the account's own name directly in the spool is a place of the spool") {
  Spool spool;
  const auto& scratch = spool.scratch;
  CHECK(spool.is_spool(scratch / "spool/ann"));
  fs::create_directory_symlink("spool", scratch / "other-name");
  CHECK(spool.is_spool(scratch / "other-name/ann"));
  CHECK(spool.is_spool(scratch / "spool/../spool/ann"));
  fs::create_directories(scratch / "spool/sub");
  for (const char* path :
       {"spool/bob", "spool/ann.lock", "spool/sub/ann", "home/ann", "none/ann", "ann"}) {
    CAPTURE(path);
    CHECK_FALSE(spool.is_spool(scratch / path));
  }
  spool.settings.spool_name.clear();
  CHECK_FALSE(spool.is_spool(scratch / "spool/"));
  CHECK_FALSE(spool.is_spool(scratch / "spool/ann"));
}

TEST_CASE("links lead out of the spool for nobody") {
  Spool spool;
  std::ofstream(spool.scratch / "home/mbox") << "text";
  fs::create_symlink("../home/mbox", spool.scratch / "spool/ann");
  auto place = FilePlace::of_mbox(spool.scratch / "spool/ann", spool.settings);
  REQUIRE(place.is_in_spool());
  CHECK_FALSE(place.open(O_RDONLY));
  CHECK(errno == ELOOP);
  CHECK_FALSE(place.create(O_RDWR, 0600));
  CHECK(errno == EEXIST);
  CHECK_FALSE(FilePlace(spool.scratch / "spool/ann").create(O_RDWR, 0600));
  CHECK(FilePlace(spool.scratch / "spool/ann").open(O_RDONLY));
}

TEST_CASE("a place stays in the directory in which it was found") {
  Spool spool;
  auto place = FilePlace::of_mbox(spool.scratch / "spool/ann", spool.settings);
  fs::rename(spool.scratch / "spool", spool.scratch / "moved");
  fs::create_directory_symlink("home", spool.scratch / "spool");
  CHECK(place.create(O_WRONLY, 0600));
  CHECK(place.with_suffix(".lock").create(O_WRONLY, 0644));
  CHECK(fs::exists(spool.scratch / "moved/ann"));
  CHECK(fs::exists(spool.scratch / "moved/ann.lock"));
  CHECK(fs::is_empty(spool.scratch / "home"));
  CHECK(place.with_suffix(".lock").remove());
  CHECK(place.stamp().exists());
  CHECK(place.remove());
  CHECK_FALSE(place.stamp().exists());
  CHECK(fs::is_empty(spool.scratch / "moved"));
}

TEST_CASE("neither a FIFO nor its writer is waited for") {
  Scratch scratch;
  REQUIRE(::mkfifo((scratch / "fifo").c_str(), 0600) == 0);
  CHECK(FilePlace(scratch / "fifo").open(O_RDONLY));
  CHECK_FALSE(FilePlace(scratch / "fifo").open(O_WRONLY));
}
