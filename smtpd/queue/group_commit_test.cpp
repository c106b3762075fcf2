#include "smtpd/queue/group_commit.h"

#include <doctest/doctest.h>

#include <thread>

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<CommitEntry> entry(Loop& loop, CommitEntry::Kind kind = CommitEntry::Kind::Intake) {
  Changes changes;
  changes.put("key", "value");
  return std::make_shared<CommitEntry>(loop, std::move(changes), kind);
}

CommitEntries wait_and_take(GroupCommit& commits) {
  commits.wait_for_others();
  return commits.take();
}

std::size_t taken_of(GroupCommit& commits, Loop& loop, int count) {
  for (int i = 0; i < count; ++i) commits.add(entry(loop));
  auto taken = wait_and_take(commits).size();
  commits.note_commit(100ms);  // the wait is then gather_max
  return taken;
}

auto time_of(auto function) {
  auto begun = std::chrono::steady_clock::now();
  function();
  return std::chrono::steady_clock::now() - begun;
}

}  // namespace

TEST_CASE("a single client's changes are committed without waiting for more") {
  Loop loop;
  GroupCommit commits;
  CHECK(taken_of(commits, loop, 1) == 1);
  commits.add(entry(loop));
  CHECK(time_of([&] { CHECK(wait_and_take(commits).size() == 1); }) < gather_max);
}

TEST_CASE("a batch waits for as many changes as the last one had, and no longer") {
  Loop loop;
  GroupCommit commits;
  CHECK(taken_of(commits, loop, 3) == 3);
  commits.add(entry(loop));
  std::thread others([&] {
    std::this_thread::sleep_for(200us);
    commits.add(entry(loop));
    commits.add(entry(loop));
  });
  auto taken = wait_and_take(commits).size();
  others.join();
  CHECK(taken >= 1);
  CHECK(taken + (commits.empty() ? 0 : wait_and_take(commits).size()) == 3);
}

TEST_CASE("a batch has at most batch_bytes_max, or one entry, and the rest comes next, in order") {
  Loop loop;
  GroupCommit commits;
  std::vector<std::shared_ptr<CommitEntry>> entries;
  for (std::size_t bytes :
       {batch_bytes_max + 1, batch_bytes_max / 2, batch_bytes_max / 4, batch_bytes_max / 2}) {
    Changes changes;
    changes.put("key", std::string(bytes, 'x'));
    entries.push_back(
        std::make_shared<CommitEntry>(loop, std::move(changes), CommitEntry::Kind::Intake));
    commits.add(entries.back());
  }
  CHECK(wait_and_take(commits) == CommitEntries{entries[0]});
  CHECK(wait_and_take(commits) == CommitEntries{entries[1], entries[2]});
  CHECK(wait_and_take(commits) == CommitEntries{entries[3]});
  CHECK(commits.empty());
}

TEST_CASE("a client that sends no more is waited for at most gather_max, twice") {
  Loop loop;
  GroupCommit commits;
  CHECK(taken_of(commits, loop, 3) == 3);
  CHECK(time_of([&] { taken_of(commits, loop, 1); }) >= gather_max);
  CHECK(time_of([&] { taken_of(commits, loop, 1); }) >= gather_max);
  commits.add(entry(loop));
  CHECK(time_of([&] { wait_and_take(commits); }) < gather_max);
}

TEST_CASE("a change that can wait is not urgent, and goes with one that is") {
  Loop loop;
  GroupCommit commits;
  commits.add(entry(loop, CommitEntry::Kind::CanWait));
  CHECK_FALSE(commits.empty());
  CHECK_FALSE(commits.is_urgent());
  commits.add(entry(loop, CommitEntry::Kind::Outcome));
  CHECK(commits.is_urgent());
  CHECK(wait_and_take(commits).size() == 2);
  CHECK_FALSE(commits.is_urgent());
  CHECK(commits.empty());
}

TEST_CASE("a commit is expected to be as quick as the last, unless it is large or has files") {
  Loop loop;
  GroupCommit commits;
  commits.add(entry(loop));
  CHECK(commits.is_quick(2ms));
  CHECK_FALSE(commits.is_quick(0ms));
  commits.note_commit(1999us);
  CHECK(commits.is_quick(2ms));
  commits.note_commit(2ms);
  CHECK_FALSE(commits.is_quick(2ms));
  commits.note_commit(1ms);
  Changes large;
  large.put("key", std::string(quick_bytes_max, 'x'));
  commits.add(std::make_shared<CommitEntry>(loop, std::move(large), CommitEntry::Kind::Outcome));
  CHECK_FALSE(commits.is_quick(2ms));
  CHECK(commits.take().size() == 2);
  CHECK(commits.is_quick(2ms));
  Changes with_file;
  SUBCASE("a new one") { with_file.needs_body_directory(); }
  SUBCASE("one to be removed") { with_file.remove_file_after(QueueId("x")); }
  commits.add(
      std::make_shared<CommitEntry>(loop, std::move(with_file), CommitEntry::Kind::Outcome));
  CHECK_FALSE(commits.is_quick(2ms));
}

TEST_CASE("after a failure outcomes go in front of newer changes, and intake is returned") {
  Loop loop;
  GroupCommit commits;
  auto outcome = entry(loop, CommitEntry::Kind::Outcome);
  commits.add(outcome);
  auto taken = wait_and_take(commits);
  commits.add(entry(loop, CommitEntry::Kind::Intake));
  commits.add(entry(loop, CommitEntry::Kind::CanWait));
  commits.put_back(taken);
  CHECK(commits.take_intake().size() == 1);
  auto again = wait_and_take(commits);
  REQUIRE(again.size() == 2);
  CHECK(again[0] == outcome);
}
