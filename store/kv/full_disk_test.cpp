// Tests databases on full file systems: small ones in memory, mounted in a namespace of their own.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/base/scratch.h"
#include "store/kv/salvage.h"
#include "store/kv/table.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

constexpr int refused = 77;  // the kernel lets us mount nothing
constexpr int room_kib_max = 640;
constexpr int opened_times = 3;
constexpr int commits_max = 100;

bool write_text(const char* path, const std::string& text) {
  int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  bool is_written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) ::close(fd);
  return is_written;
}

bool enter_namespace() {
  if (::geteuid() == 0) return ::unshare(CLONE_NEWNS) == 0;
  std::string uid = std::to_string(::getuid());
  std::string gid = std::to_string(::getgid());
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
         write_text("/proc/self/setgroups", "deny") &&
         write_text("/proc/self/uid_map", "0 " + uid + " 1") &&
         write_text("/proc/self/gid_map", "0 " + gid + " 1");
}

bool mount_memory(const std::filesystem::path& place, unsigned long flags,
                  const std::string& limits) {
  return ::mount("tmpfs", place.c_str(), "tmpfs", flags, limits.c_str()) == 0;
}

bool lift_limits(const std::filesystem::path& place) {
  return mount_memory(place, MS_REMOUNT, "size=64m,nr_inodes=1000");
}

Result<void> use(const std::filesystem::path& place, const Profile& profile, Sync sync) {
  TRY(auto opened, open_or_salvage(place / "db", profile, Clock::system()));
  for (int i = 0; i < commits_max; ++i) {
    Batch batch;
    batch.put("key " + std::to_string(i), std::string(4000, static_cast<char>('a' + i % 26)));
    auto committed = opened.database.commit(batch, sync);
    if (committed) continue;
    static_cast<void>(opened.database.heal());
    return committed;
  }
  return {};
}

void fail_then_recover(const std::filesystem::path& place, const Profile& profile, Sync sync) {
  for (int i = 0; i < opened_times; ++i) {
    auto used = use(place, profile, sync);
    if (used) continue;
    CAPTURE(used.error().text());
    CHECK(storage_problem(used.error()) == StorageProblem::Full);
  }
  REQUIRE(lift_limits(place));
  CHECK(use(place, profile, sync));
}

Result<void> build(const std::filesystem::path& table) {
  TRY(auto builder, TableBuilder::create(table));
  for (int i = 100; i < 200; ++i) {
    TRY_DO(builder.add(std::to_string(i), std::string(2000, 'x')));
  }
  return builder.finish();
}

void build_then_recover(const std::filesystem::path& place) {
  auto built = build(place / "table");
  if (built) return;
  CAPTURE(built.error().text());
  CHECK(storage_problem(built.error()) == StorageProblem::Full);
  CHECK_FALSE(std::filesystem::exists(place / "table"));  // what is half made is in the way
  REQUIRE(lift_limits(place));
  CHECK(build(place / "table"));
}

void try_with(const std::string& limits) {
  CAPTURE(limits);
  Scratch scratch;
  for (auto kind : {0, 1, 2}) {
    CAPTURE(kind);
    REQUIRE(mount_memory(scratch.path(), 0, limits));
    if (kind == 0) fail_then_recover(scratch.path(), Profile::queue(), Sync::Yes);
    if (kind == 1) fail_then_recover(scratch.path(), Profile::small(), Sync::No);
    if (kind == 2) build_then_recover(scratch.path());
    REQUIRE(::umount(scratch.path().c_str()) == 0);
  }
}

}  // namespace

TEST_CASE("in a namespace: no lack of room or inodes ends the process" * doctest::skip()) {
  for (int kib = 4; kib <= room_kib_max; kib += kib < 64 ? 4 : 32) {
    try_with("size=" + std::to_string(kib) + "k");
  }
  for (int inodes = 2; inodes <= 20; ++inodes) {
    try_with("size=64m,nr_inodes=" + std::to_string(inodes));
  }
}

// RocksDB's threads do not outlive a fork: the process that tries it begins anew.
TEST_CASE("no lack of room or inodes ends the process, and databases and tables recover from it") {
  pid_t child = ::fork();
  if (child == 0) {
    bool is_ready =
        enter_namespace() && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (is_ready) {
      ::execl("/proc/self/exe", "unit_store", "--no-skip", "-tc=in a namespace: no lack *",
              nullptr);
    }
    ::_exit(refused);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == refused) FAIL("not tried: the kernel lets this user mount nothing");
  CHECK(WEXITSTATUS(status) == 0);
}
