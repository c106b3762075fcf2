#include "smtpd/queue/gathering.h"

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

CommitEntries wait_and_take(Gathering& gathering) {
  gathering.wait_for_others();
  return gathering.take();
}

std::size_t taken_of(Gathering& gathering, Loop& loop, int count) {
  for (int i = 0; i < count; ++i) gathering.add(entry(loop));
  auto taken = wait_and_take(gathering).size();
  gathering.note_commit(100ms);  // the wait is then gather_max
  return taken;
}

auto time_of(auto function) {
  auto begun = std::chrono::steady_clock::now();
  function();
  return std::chrono::steady_clock::now() - begun;
}

}  // namespace

TEST_CASE("whoever is alone is taken at once") {
  Loop loop;
  Gathering gathering;
  CHECK(taken_of(gathering, loop, 1) == 1);
  gathering.add(entry(loop));
  CHECK(time_of([&] { CHECK(wait_and_take(gathering).size() == 1); }) < gather_max);
}

TEST_CASE("as many as the last batch had are waited for, and no longer than until they are there") {
  Loop loop;
  Gathering gathering;
  CHECK(taken_of(gathering, loop, 3) == 3);
  gathering.add(entry(loop));
  std::thread others([&] {
    std::this_thread::sleep_for(200us);
    gathering.add(entry(loop));
    gathering.add(entry(loop));
  });
  auto taken = wait_and_take(gathering).size();
  others.join();
  CHECK(taken >= 1);
  CHECK(taken + (gathering.empty() ? 0 : wait_and_take(gathering).size()) == 3);
}

TEST_CASE("a batch has at most batch_bytes_max, or one entry, and the rest comes next, in order") {
  Loop loop;
  Gathering gathering;
  std::vector<std::shared_ptr<CommitEntry>> entries;
  for (std::size_t bytes :
       {batch_bytes_max + 1, batch_bytes_max / 2, batch_bytes_max / 4, batch_bytes_max / 2}) {
    Changes changes;
    changes.put("key", std::string(bytes, 'x'));
    entries.push_back(
        std::make_shared<CommitEntry>(loop, std::move(changes), CommitEntry::Kind::Intake));
    gathering.add(entries.back());
  }
  CHECK(wait_and_take(gathering) == CommitEntries{entries[0]});
  CHECK(wait_and_take(gathering) == CommitEntries{entries[1], entries[2]});
  CHECK(wait_and_take(gathering) == CommitEntries{entries[3]});
  CHECK(gathering.empty());
}

TEST_CASE("who does not come back is waited for gather_max, twice at most") {
  Loop loop;
  Gathering gathering;
  CHECK(taken_of(gathering, loop, 3) == 3);
  CHECK(time_of([&] { taken_of(gathering, loop, 1); }) >= gather_max);
  CHECK(time_of([&] { taken_of(gathering, loop, 1); }) >= gather_max);
  gathering.add(entry(loop));
  CHECK(time_of([&] { wait_and_take(gathering); }) < gather_max);
}

TEST_CASE("what has time is not urgent, and goes with what is") {
  Loop loop;
  Gathering gathering;
  gathering.add(entry(loop, CommitEntry::Kind::HasTime));
  CHECK_FALSE(gathering.empty());
  CHECK_FALSE(gathering.is_urgent());
  gathering.add(entry(loop, CommitEntry::Kind::Outcome));
  CHECK(gathering.is_urgent());
  CHECK(wait_and_take(gathering).size() == 2);
  CHECK_FALSE(gathering.is_urgent());
  CHECK(gathering.empty());
}

TEST_CASE("a commit is expected to be as quick as the last, unless it is large or has files") {
  Loop loop;
  Gathering gathering;
  gathering.add(entry(loop));
  CHECK(gathering.is_quick(2ms));
  CHECK_FALSE(gathering.is_quick(0ms));
  gathering.note_commit(1999us);
  CHECK(gathering.is_quick(2ms));
  gathering.note_commit(2ms);
  CHECK_FALSE(gathering.is_quick(2ms));
  gathering.note_commit(1ms);
  Changes large;
  large.put("key", std::string(quick_bytes_max, 'x'));
  gathering.add(std::make_shared<CommitEntry>(loop, std::move(large), CommitEntry::Kind::Outcome));
  CHECK_FALSE(gathering.is_quick(2ms));
  CHECK(gathering.take().size() == 2);
  CHECK(gathering.is_quick(2ms));
  Changes with_file;
  SUBCASE("a new one") { with_file.needs_body_directory(); }
  SUBCASE("one to be removed") { with_file.remove_file_after(QueueId("x")); }
  gathering.add(
      std::make_shared<CommitEntry>(loop, std::move(with_file), CommitEntry::Kind::Outcome));
  CHECK_FALSE(gathering.is_quick(2ms));
}

TEST_CASE("after a failure outcomes stand in front of what came since, and intake is given back") {
  Loop loop;
  Gathering gathering;
  auto outcome = entry(loop, CommitEntry::Kind::Outcome);
  gathering.add(outcome);
  auto taken = wait_and_take(gathering);
  gathering.add(entry(loop, CommitEntry::Kind::Intake));
  gathering.add(entry(loop, CommitEntry::Kind::HasTime));
  gathering.put_back(taken);
  CHECK(gathering.take_intake().size() == 1);
  auto again = wait_and_take(gathering);
  REQUIRE(again.size() == 2);
  CHECK(again[0] == outcome);
}
