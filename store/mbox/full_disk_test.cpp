#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"
#include "common/log/sink.h"
#include "store/mbox/fake_disk.h"
#include "store/mbox/folder.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

// An account whose INBOX is an mbox on a disk that can be full.
struct Home {
  Scratch scratch;
  StoreSettings settings;
  std::string inbox = scratch / "inbox";
  FakeDisk disk;
  LogCapture log;
  std::shared_ptr<MboxLayout> layout;
  std::size_t delivered = 0;

  Home() {
    settings.fsync = false;
    MailLocation location;
    location.format = MailLocation::Format::Mbox;
    location.root = location.index = scratch / "mail";
    location.inbox = inbox;
    layout = std::make_shared<MboxLayout>(location, settings, disk);
    std::ofstream(inbox, std::ios::app) << "";
  }
  // As another program appends: without any field of ours.
  void deliver(std::size_t count, std::size_t octets = 2'000) {
    std::ofstream file(inbox, std::ios::app);
    for (std::size_t i = 0; i < count; ++i) {
      ++delivered;
      file << "From ann@example.net Tue Nov 14 22:13:20 2023\nSubject: s" << delivered << "\n\n"
           << std::string(octets, 'x') << delivered << "\n\n";
    }
  }
  std::unique_ptr<MboxFolder> open() const {
    auto folder = std::make_unique<MboxFolder>(layout, MailboxName::inbox(), Access::ReadWrite);
    auto synced = folder->sync();
    if (!synced) MESSAGE(synced.error().text());
    REQUIRE(synced);
    return folder;
  }
  std::uint64_t size() const { return std::filesystem::file_size(inbox); }
};

// "uid:subject" of each message, all of whose texts are whole.
std::vector<std::string> shown(MboxFolder& folder) {
  std::vector<std::string> all;
  for (const auto& message : folder.messages()) {
    auto reader = folder.open(message.uid);
    REQUIRE(reader);
    auto text = *reader->all();
    auto number = text.substr(10, text.find('\r') - 10);
    CHECK(text.ends_with("x" + number + "\r\n"));
    all.push_back(std::to_string(message.uid.value()) + ":" + number);
  }
  return all;
}

std::vector<std::string> subjects(MboxFolder& folder) {
  auto all = shown(folder);
  for (auto& text : all) text.erase(0, text.find(':') + 1);
  return all;
}

using Texts = std::vector<std::string>;

FlagChange add(Flags flags) {
  FlagChange change;
  change.flags = flags;
  return change;
}

std::vector<Uid> uids(std::initializer_list<std::uint32_t> numbers) {
  std::vector<Uid> list;
  for (auto number : numbers) list.emplace_back(number);
  return list;
}

}  // namespace

TEST_CASE("on a full disk an mbox is read, its messages are flagged, and those deleted make room") {
  Home home;
  home.deliver(4);
  (void)home.open();
  home.deliver(3);
  home.disk.be_full();
  auto folder = home.open();
  CHECK(shown(*folder) == Texts{"1:1", "2:2", "3:3", "4:4", "5:5", "6:6", "7:7"});

  auto some = uids({2, 3, 6});
  auto stored = folder->store(some, add(Flags::Seen | Flags::Deleted));
  REQUIRE(stored);
  CHECK(stored->changed == some);
  REQUIRE(folder->store(uids({7}), add(Flags::Flagged)));
  CHECK(folder->sync()->empty());
  CHECK(folder->find(Uid(6))->flags == (Flags::Seen | Flags::Deleted));
  CHECK(home.log.last().ends_with("No space left on device; make room on that file system"));

  auto size = home.size();
  auto gone = folder->expunge(some);
  REQUIRE(gone);
  CHECK(*gone == some);
  CHECK(home.size() < size - 5'000);
  CHECK(shown(*folder) == Texts{"1:1", "4:4", "5:5", "7:7"});
  CHECK(folder->sync()->empty());
  CHECK(folder->find(Uid(7))->flags == Flags::Flagged);

  // What was removed made room for the fields of the others.
  auto other = home.open();
  CHECK(shown(*other) == shown(*folder));
  CHECK(other->find(Uid(7))->flags == Flags::Flagged);
  CHECK(other->uid_validity() == folder->uid_validity());
  home.disk.be_full(false);
  home.deliver(1);
  CHECK(folder->sync()->added == uids({8}));
}

TEST_CASE("messages at the end of an mbox are removed on a full disk, all of them too") {
  Home home;
  home.deliver(3);
  auto validity = home.open()->uid_validity();
  home.disk.be_full();
  auto folder = home.open();
  CHECK(*folder->expunge(uids({3})) == uids({3}));
  CHECK(shown(*folder) == Texts{"1:1", "2:2"});
  CHECK(*folder->expunge(uids({1, 2})) == uids({1, 2}));
  CHECK(home.size() == 0);
  home.deliver(1);
  CHECK(folder->sync()->added == uids({4}));
  CHECK(home.open()->uid_validity() == validity);
}

TEST_CASE("an mbox first opened on a full disk is served, and read again with room") {
  Home home;
  home.deliver(3);
  home.disk.be_full();
  auto folder = home.open();
  CHECK(shown(*folder) == Texts{"1:1", "2:2", "3:3"});
  REQUIRE(folder->store(uids({2}), add(Flags::Deleted)));
  CHECK(folder->find(Uid(2))->flags == Flags::Deleted);
  // Neither a reserve nor room for one.
  auto size = home.size();
  auto refused = folder->expunge(uids({2}));
  REQUIRE_FALSE(refused);
  CHECK(is_no_room(refused.error()));
  CHECK(home.size() == size);
  auto part = folder->expunge(uids({1, 3}));
  REQUIRE(part);
  CHECK(*part == uids({3}));
  CHECK(shown(*folder) == Texts{"1:1", "2:2"});
  home.disk.be_full(false);
  CHECK(folder->sync()->empty());
  CHECK(*folder->expunge(uids({1})) == uids({1}));
  CHECK(shown(*home.open()) == Texts{"2:2"});
}

TEST_CASE("what a full disk had no room for is written once there is some") {
  Home home;
  home.deliver(2);
  (void)home.open();
  home.deliver(2);
  home.disk.be_full();
  auto folder = home.open();
  REQUIRE(folder->store(uids({3}), add(Flags::Flagged)));
  home.disk.be_full(false);
  CHECK(folder->sync()->empty());
  auto other = home.open();
  CHECK(shown(*other) == Texts{"1:1", "2:2", "3:3", "4:4"});
  CHECK(other->find(Uid(3))->flags == Flags::Flagged);
}

TEST_CASE(
    "sessions on a full disk give the same UIDs, and one that was removed does not come back") {
  Home home;
  home.deliver(2);
  (void)home.open();
  home.deliver(3, 10);
  home.disk.be_full();
  auto one = home.open();
  auto other = home.open();
  CHECK(shown(*one) == shown(*other));
  // Too small for the fields of those behind it.
  CHECK(*one->expunge(uids({3})) == uids({3}));
  CHECK(subjects(*one) == Texts{"1", "2", "4", "5"});
  REQUIRE(other->sync());
  CHECK(subjects(*other) == Texts{"1", "2", "4", "5"});
  auto third = home.open();
  CHECK(subjects(*third) == Texts{"1", "2", "4", "5"});
  for (auto* folder : {one.get(), other.get(), third.get()}) CHECK(folder->find(Uid(3)) == nullptr);
}

TEST_CASE("a UID that was only remembered is given to no other message once its own is gone") {
  struct Row {
    std::vector<Uid> gone;
    bool is_killed;
  };
  for (const Row& row : {Row{uids({2}), false}, Row{uids({1, 2}), false}, Row{uids({2}), true},
                         Row{uids({1, 2}), true}}) {
    CAPTURE(row.is_killed);
    Home home;
    home.deliver(1);
    (void)home.open();
    home.deliver(1);
    home.disk.be_full();
    std::uint32_t validity = 0;
    {
      auto folder = home.open();
      validity = folder->uid_validity();
      CHECK(shown(*folder) == Texts{"1:1", "2:2"});
      home.disk.kill_at_truncate(row.is_killed);
      if (row.is_killed) {
        CHECK_THROWS_AS((void)folder->expunge(row.gone), FakeDisk::Killed);
      } else {
        CHECK(*folder->expunge(row.gone) == row.gone);
      }
    }
    home.disk.kill_at_truncate(false);
    home.deliver(1);
    auto other = home.open();
    CHECK(other->uid_validity() == validity);
    CHECK(shown(*other).back() == "3:3");
  }
}

TEST_CASE("wherever an expunge on a full disk is cut off, all other messages are there once") {
  constexpr int steps_max = 1'000;
  for (int steps = 0;; ++steps) {
    CAPTURE(steps);
    REQUIRE(steps < steps_max);
    Home home;
    home.deliver(4, 40'000);
    (void)home.open();
    home.deliver(4, 300);
    home.disk.be_full();
    bool is_done = false;
    std::uint32_t validity = 0;
    {
      auto folder = home.open();
      validity = folder->uid_validity();
      REQUIRE(folder->store(uids({2, 6, 8}), add(Flags::Deleted)));
      home.disk.stop_after(steps);
      auto gone = folder->expunge(uids({2, 6, 8}));
      is_done = gone && gone->size() == 3 && home.disk.has_gone_on();
    }
    home.disk.stop_after(INT_MAX);
    auto again = home.open();
    auto left = subjects(*again);
    CHECK(again->uid_validity() == validity);
    for (const char* kept : {"1", "3", "4", "5", "7"}) REQUIRE(std::ranges::count(left, kept) == 1);
    for (const char* gone : {"2", "6", "8"}) {
      REQUIRE(std::ranges::count(left, gone) <= (is_done ? 0 : 1));
    }
    REQUIRE(std::ranges::is_sorted(left));
    if (is_done) break;
  }
}
