// What the index remembers of expunged messages, over both formats.
#include <doctest/doctest.h>

#include <filesystem>

#include "common/base/scratch.h"
#include "store/index/encoding.h"
#include "store/index/history.h"
#include "store/index/index.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Home {
  Scratch scratch;
  ManualClock clock;
  std::filesystem::path index_directory = scratch.path() / "index";

  std::unique_ptr<Mailbox> open(Index& index, MailLocation::Format format, int more) const {
    MailLocation location;
    location.format = format;
    location.root = location.index = scratch / "mail";
    bool is_maildir = format == MailLocation::Format::Maildir;
    location.inbox = is_maildir ? location.root : std::string(scratch / "bob");
    StoreSettings settings;
    settings.fsync = false;
    settings.index = &index;
    settings.clock = &clock;
    auto store = open_store(location, settings);
    NewMessage message;
    message.body = {std::string_view("Subject: x\n\n")};
    std::vector<NewMessage> messages(static_cast<std::size_t>(more), message);
    if (more > 0) REQUIRE(store->append(MailboxName::inbox(), messages));
    auto mailbox = store->open(MailboxName::inbox(), Access::ReadWrite);
    REQUIRE(mailbox);
    return *std::move(mailbox);
  }
};

std::vector<Uid> uids(std::initializer_list<std::uint32_t> numbers) {
  std::vector<Uid> all;
  for (auto number : numbers) all.emplace_back(number);
  return all;
}

}  // namespace

TEST_CASE("expunged UIDs are remembered by mod-sequence, over sessions and processes") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Home home;
    ModSeq first(0);
    ModSeq second(0);
    {
      Index index(home.index_directory, home.clock);
      auto inbox = home.open(index, format, 6);
      first = inbox->highest_modseq();
      REQUIRE(inbox->expunge(uids({2, 3})));
      REQUIRE(inbox->sync());
      second = inbox->highest_modseq();
      CHECK(second > first);
      REQUIRE(inbox->expunge(uids({5})));
      REQUIRE(inbox->sync());
      CHECK(inbox->expunged_since(first) == uids({2, 3, 5}));
    }
    Index index(home.index_directory, home.clock);
    auto inbox = home.open(index, format, 0);
    CHECK(inbox->expunged_since(first) == uids({2, 3, 5}));
    CHECK(inbox->expunged_since(second) == uids({5}));
    CHECK(inbox->expunged_since(inbox->highest_modseq()) == uids({}));
    CHECK_FALSE(inbox->expunged_since(ModSeq(first.value() - 2)).has_value());
  }
}

TEST_CASE("what other programs remove is remembered once, and the loss of the index forgets it") {
  Home home;
  Index index(home.index_directory, home.clock);
  auto inbox = home.open(index, MailLocation::Format::Maildir, 3);
  auto before = inbox->highest_modseq();
  auto other = home.open(index, MailLocation::Format::Maildir, 0);
  for (const auto& entry : std::filesystem::directory_iterator(home.scratch / "mail/cur")) {
    if (entry.path().filename().string().find(",") == std::string::npos) continue;
    std::filesystem::remove(entry.path());
    break;
  }
  home.clock.advance(std::chrono::seconds(20));
  REQUIRE(inbox->sync());
  REQUIRE(other->sync());
  auto gone = inbox->expunged_since(before);
  REQUIRE(gone);
  CHECK(gone->size() == 1);
  CHECK(inbox->messages().size() == 2);

  Index lost(home.scratch.path() / "another", home.clock);
  auto anew = home.open(lost, MailLocation::Format::Maildir, 0);
  CHECK_FALSE(anew->expunged_since(before).has_value());
  CHECK(anew->highest_modseq() > before);
}

TEST_CASE("a mod-sequence that was told but is not on disk is not one whose expunges are known") {
  Home home;
  ModSeq highest(0);
  {
    Index index(home.index_directory, home.clock);
    highest = home.open(index, MailLocation::Format::Maildir, 3)->highest_modseq();
  }
  home.clock.advance(std::chrono::seconds(60));
  Index index(home.index_directory, home.clock);
  auto inbox = home.open(index, MailLocation::Format::Maildir, 0);
  CHECK(inbox->expunged_since(highest) == uids({}));
  CHECK_FALSE(inbox->expunged_since(ModSeq(highest.value() + 1)).has_value());
  REQUIRE(inbox->expunge(uids({1})));
  REQUIRE(inbox->sync());
  CHECK(inbox->expunged_since(highest) == uids({1}));
  CHECK_FALSE(inbox->expunged_since(ModSeq(highest.value() + 1)).has_value());
  CHECK(inbox->expunged_since(inbox->highest_modseq()) == uids({}));
}

TEST_CASE("the history of expunges is bounded: it is joined first, and then forgotten") {
  Home home;
  Index index(home.index_directory, home.clock);
  Index::Folder folder{"folder", 1};
  constexpr std::uint32_t count = 30'000;
  std::vector<Index::State> states;
  for (std::uint32_t uid = 1; uid <= count; ++uid) {
    states.push_back({Uid(uid), Flags(), 0, ModSeq(0)});
  }
  auto begin = index.settle(folder, states, {}, ModSeq(1));
  std::vector<Index::State> none;
  // Neighbours one by one: joined they take a single range.
  for (std::uint32_t uid = 1; uid <= 8'000; ++uid) {
    Uid gone(uid);
    index.settle(folder, none, std::span(&gone, 1), ModSeq(1));
  }
  auto kept = index.expunged_since(folder, begin);
  REQUIRE(kept);
  CHECK(kept->size() == 8'000);
  // Every second one: joining helps little, and in the end the oldest are forgotten.
  for (std::uint32_t uid = 8'002; uid <= count; uid += 2) {
    Uid gone(uid);
    index.settle(folder, none, std::span(&gone, 1), ModSeq(1));
  }
  CHECK_FALSE(index.expunged_since(folder, begin).has_value());
  auto last = index.highest_modseq(folder);
  auto recent = index.expunged_since(folder, ModSeq(last.value() - 100));
  REQUIRE(recent);
  CHECK(recent->size() == 100);
  CHECK(recent->back() == Uid(count));
}

TEST_CASE(
    "an expunge that would take half of the history's room is not remembered, later ones are") {
  Home home;
  Index index(home.index_directory, home.clock);
  Index::Folder folder{"folder", 1};
  constexpr std::uint32_t count = 20'000;
  std::vector<Index::State> states;
  std::vector<Uid> odd;
  for (std::uint32_t uid = 1; uid <= count; ++uid) {
    states.push_back({Uid(uid), Flags(), 0, ModSeq(0)});
    if (uid % 2 == 1) odd.emplace_back(uid);
  }
  auto begin = index.settle(folder, states, {}, ModSeq(1));
  std::vector<Index::State> none;
  auto large = index.settle(folder, none, odd, ModSeq(1));
  CHECK_FALSE(index.expunged_since(folder, begin).has_value());
  CHECK(index.expunged_since(folder, large) == uids({}));
  index.settle(folder, none, uids({2}), ModSeq(1));
  CHECK(index.expunged_since(folder, large) == uids({2}));
}

TEST_CASE("a damaged record of the history does not name more messages than any folder has had") {
  Scratch scratch;
  auto database = Database::open(scratch.path() / "index", Profile::small());
  REQUIRE(database);
  auto put = [&](std::uint64_t modseq, std::uint32_t first, std::uint32_t last) {
    auto key = history_prefix(1);
    put_number(key, modseq);
    std::string value;
    put_number(value, first);
    put_number(value, last);
    Batch batch;
    batch.put(key, value);
    REQUIRE(database->commit(batch, Sync::No));
  };
  put(1, 1, (1 << 24) + 1);
  put(2, 0, 5);
  put(3, 9, 8);
  put(4, 6, 7);
  CHECK(*read_history(*database, 1, 0) == uids({6, 7}));
}
