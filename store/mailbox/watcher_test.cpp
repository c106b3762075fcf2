#include "store/mailbox/watcher.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/scratch.h"

using namespace pennypost;
using namespace pennypost::store;

TEST_CASE("who watches a directory hears of new files, once, until he stops") {
  for (bool use_inotify : {true, false}) {
    CAPTURE(use_inotify);
    Scratch scratch;
    std::filesystem::create_directories(scratch / "new");
    std::filesystem::create_directories(scratch / "cur");
    // Old enough for polling to trust its stamp.
    auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    std::filesystem::last_write_time(scratch / "new", old);
    std::filesystem::last_write_time(scratch / "cur", old);
    Watcher watcher(use_inotify);
    auto first = watcher.add({scratch / "new", scratch / "cur"});
    auto second = watcher.add({scratch / "new"});
    CHECK((watcher.descriptor() >= 0) == use_inotify);
    CHECK((watcher.poll_seconds() > 0) == !use_inotify);
    CHECK(watcher.changed().empty());
    std::ofstream(scratch / "new/1") << "x";
    CHECK(watcher.changed() == std::vector<Watcher::Id>{first, second});
    if (use_inotify) CHECK(watcher.changed().empty());
    watcher.remove(second);
    std::filesystem::rename(scratch / "new/1", scratch / "cur/1");
    CHECK(watcher.changed() == std::vector<Watcher::Id>{first});
    watcher.remove(first);
    std::ofstream(scratch / "new/2") << "x";
    CHECK(watcher.changed().empty());
    CHECK(watcher.poll_seconds() == 0);
  }
}

TEST_CASE("a directory that comes only later, or is replaced, is polled for") {
  Scratch scratch;
  Watcher watcher;
  auto id = watcher.add({scratch / "new"});
  CHECK(watcher.poll_seconds() > 0);
  std::filesystem::create_directories(scratch / "new");
  CHECK(watcher.changed() == std::vector<Watcher::Id>{id});
  auto other = watcher.add({scratch / "new"});
  std::filesystem::remove_all(scratch / "new");
  auto changed = watcher.changed();
  CHECK(std::find(changed.begin(), changed.end(), other) != changed.end());
  std::filesystem::create_directories(scratch / "new");
  changed = watcher.changed();
  CHECK(std::find(changed.begin(), changed.end(), other) != changed.end());
}

TEST_CASE("changes that the kernel reports do not make all else be polled each time") {
  Scratch scratch;
  std::filesystem::create_directories(scratch / "new");
  Watcher watcher;
  auto watched = watcher.add({scratch / "new"});
  auto polled = watcher.add({scratch / "later"});
  auto begin = std::chrono::steady_clock::now();
  CHECK(watcher.changed().empty());
  std::filesystem::create_directories(scratch / "later");
  std::ofstream(scratch / "new/1") << "x";
  auto changed = watcher.changed();
  // Unless this has taken so long that it is polled again.
  if (std::chrono::steady_clock::now() - begin < std::chrono::seconds(watcher.poll_seconds())) {
    CHECK(changed == std::vector<Watcher::Id>{watched});
    CHECK(watcher.changed() == std::vector<Watcher::Id>{polled});
  }
  // But in the end they are polled, even if there are always some.
  auto end = begin + std::chrono::seconds(30);
  std::filesystem::remove(scratch / "later");
  for (changed.clear(); std::ranges::find(changed, polled) == changed.end();) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::ofstream(scratch / "new/1") << "y";
    changed = watcher.changed();
  }
}
