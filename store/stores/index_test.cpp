#include "store/index/index.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "common/base/scratch.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

struct Home {
  Scratch scratch;
  ManualClock clock;
  std::filesystem::path index_directory = scratch.path() / "index";
  std::string inbox_file = scratch / "bob";

  std::unique_ptr<MailStore> store(Index* index, MailLocation::Format format) const {
    MailLocation location;
    location.format = format;
    location.root = location.index = scratch / "mail";
    location.inbox = format == MailLocation::Format::Maildir ? location.root : inbox_file;
    StoreSettings settings;
    settings.fsync = false;
    settings.index = index;
    settings.clock = &clock;
    return open_store(location, settings);
  }
};

void append(MailStore& store, int count) {
  NewMessage message;
  message.body = {std::string_view("Subject: x\n\n")};
  std::vector<NewMessage> messages(static_cast<std::size_t>(count), message);
  REQUIRE(store.append(MailboxName::inbox(), messages));
}

std::unique_ptr<Mailbox> open(MailStore& store) {
  auto mailbox = store.open(MailboxName::inbox(), Access::ReadWrite);
  REQUIRE(mailbox);
  return *std::move(mailbox);
}

void flag(Mailbox& mailbox, std::uint32_t number) {
  FlagChange change;
  change.flags = Flags::Flagged;
  Uid uid(number);
  REQUIRE(mailbox.store(std::span(&uid, 1), change));
}

constexpr std::uint64_t start = 1'700'000'000ull << 20;

}  // namespace

TEST_CASE("mod-sequences outlive sessions, and are the same for all of a process") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Home home;
    Index index(home.index_directory, home.clock);
    auto store = home.store(&index, format);
    append(*store, 3);
    ModSeq one(0);
    ModSeq two(0);
    {
      auto inbox = open(*store);
      auto other = open(*store);
      one = inbox->find(Uid(1))->modseq;
      CHECK(one.value() >= start);
      flag(*inbox, 2);
      two = inbox->find(Uid(2))->modseq;
      CHECK(two > one);
      CHECK(inbox->highest_modseq() == two);
      CHECK(other->sync()->flags == std::vector<Uid>{Uid(2)});
      CHECK(other->find(Uid(2))->modseq == two);
      Uid third(3);
      REQUIRE(other->expunge(std::span(&third, 1)));
      CHECK(other->highest_modseq() > two);
    }
    home.clock.advance(Seconds{100});
    auto inbox = open(*store);
    CHECK(inbox->find(Uid(1))->modseq == one);
    CHECK(inbox->find(Uid(2))->modseq == two);
    CHECK(inbox->highest_modseq() > two);
    flag(*inbox, 1);
    CHECK(inbox->find(Uid(1))->modseq.value() >= start + (100ull << 20));
  }
}

TEST_CASE("sessions that have met keywords in another order agree on mod-sequences") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Home home;
    Index index(home.index_directory, home.clock);
    auto store = home.store(&index, format);
    append(*store, 1);
    auto early = open(*store);
    auto change = [&](FlagChange::Mode mode, std::uint32_t uid, std::vector<std::string> keywords) {
      FlagChange wanted;
      wanted.mode = mode;
      wanted.keywords = std::move(keywords);
      Uid one(uid);
      REQUIRE(early->store(std::span(&one, 1), wanted));
    };
    change(FlagChange::Mode::Add, 1, {"$First", "$Second"});
    // With its last message an mbox loses the order of its keywords.
    Uid first(1);
    REQUIRE(early->expunge(std::span(&first, 1)));
    append(*store, 1);
    REQUIRE(early->sync());
    change(FlagChange::Mode::Add, 2, {"$Second"});
    auto late = open(*store);
    change(FlagChange::Mode::Replace, 2, {"$first", "$Third"});
    REQUIRE(late->sync());
    auto latest = open(*store);
    auto told = early->find(Uid(2))->modseq;
    CHECK(late->find(Uid(2))->modseq == told);
    CHECK(latest->find(Uid(2))->modseq == told);
    change(FlagChange::Mode::Replace, 2, {"$Second"});
    REQUIRE(late->sync());
    CHECK(late->find(Uid(2))->modseq > told);
    CHECK(late->find(Uid(2))->modseq == early->find(Uid(2))->modseq);
  }
}

// Of a Maildir the sessions of a process share one state (folder_cache.h).
TEST_CASE("what one session of an mbox changes and changes back has a new mod-sequence for all") {
  Home home;
  Index index(home.index_directory, home.clock);
  auto store = home.store(&index, MailLocation::Format::Mbox);
  append(*store, 3);
  auto one = open(*store);
  auto other = open(*store);
  flag(*one, 2);
  FlagChange back;
  back.mode = FlagChange::Mode::Remove;
  back.flags = Flags::Flagged;
  Uid second(2);
  REQUIRE(one->store(std::span(&second, 1), back));
  auto changes = other->sync();
  REQUIRE(changes);
  CHECK(changes->flags == std::vector<Uid>{second});
  CHECK(other->find(second)->modseq == one->find(second)->modseq);
  CHECK(other->sync()->flags.empty());
}

TEST_CASE("an index that is removed under a session is made anew, and nothing goes back") {
  Home home;
  Index index(home.index_directory, home.clock);
  auto store = home.store(&index, MailLocation::Format::Maildir);
  append(*store, 2);
  auto inbox = open(*store);
  flag(*inbox, 1);
  inbox->cache(Uid(1), CacheItem::Envelope, "an envelope");
  CHECK(inbox->cached(Uid(1), CacheItem::Envelope) == "an envelope");
  CHECK_FALSE(inbox->cached(Uid(2), CacheItem::Envelope).has_value());
  auto before = inbox->highest_modseq();
  REQUIRE(inbox->sync());
  std::filesystem::remove_all(home.index_directory);
  home.clock.advance(Seconds{1});
  CHECK_FALSE(inbox->cached(Uid(1), CacheItem::Envelope).has_value());
  flag(*inbox, 2);
  CHECK(inbox->highest_modseq() > before);
  inbox->cache(Uid(1), CacheItem::Envelope, "again");
  CHECK(inbox->cached(Uid(1), CacheItem::Envelope) == "again");
  CHECK(std::filesystem::exists(home.index_directory / "CURRENT"));
  CHECK(open(*store)->messages().size() == 2);
}

TEST_CASE(
    "a mailbox without messages has the same mod-sequence at each look, and a later one then") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Home home;
    Index index(home.index_directory, home.clock);
    auto store = home.store(&index, format);
    auto first = open(*store)->highest_modseq();
    home.clock.advance(Seconds{5});
    CHECK(open(*store)->highest_modseq() == first);
    append(*store, 1);
    auto inbox = open(*store);
    CHECK(inbox->highest_modseq() > first);
    CHECK(inbox->messages()[0].modseq > first);
    // Who knew it then is told of all that has gone since.
    std::vector<Uid> all{Uid(1)};
    REQUIRE(inbox->expunge(all));
    CHECK(inbox->expunged_since(first) == all);
  }
}

TEST_CASE("a change of annotations counts once, also while no process knew, and never goes back") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Home home;
    auto highest = [&] {
      Index index(home.index_directory, home.clock);
      return open(*home.store(&index, format))->highest_modseq();
    };
    auto annotate = [&](const char* value) {
      auto file = home.store(nullptr, format)->annotations(MailboxName::inbox());
      REQUIRE(file);
      REQUIRE(file->change({{"/private/x", value}}, 9));
    };
    auto first = highest();
    CHECK(highest() == first);
    annotate("one");
    auto second = highest();
    CHECK(second > first);
    CHECK(highest() == second);
    annotate("other");
    auto third = highest();
    CHECK(third > second);
    std::filesystem::remove_all(home.index_directory);
    home.clock.advance(Seconds{1});
    CHECK(highest() > third);
    // What was counted without a message's change is not lost with the next one.
    Index index(home.index_directory, home.clock);
    auto store = home.store(&index, format);
    auto inbox = open(*store);
    auto before = inbox->highest_modseq();
    inbox->count_on();
    CHECK(inbox->highest_modseq() > before);
    CHECK(open(*store)->highest_modseq() == inbox->highest_modseq());
  }
}

TEST_CASE("a folder opened right after the index was removed is cached in the new one") {
  Home home;
  Index index(home.index_directory, home.clock);
  auto store = home.store(&index, MailLocation::Format::Maildir);
  append(*store, 2);
  open(*store)->cache(Uid(1), CacheItem::Envelope, "old");
  std::filesystem::remove_all(home.index_directory);
  auto inbox = open(*store);
  inbox->cache(Uid(2), CacheItem::Envelope, "new");
  REQUIRE(inbox->sync());
  home.clock.advance(Seconds{2});
  CHECK(inbox->cached(Uid(2), CacheItem::Envelope) == "new");
  CHECK_FALSE(inbox->cached(Uid(1), CacheItem::Envelope).has_value());
}

TEST_CASE("without a place for the index everything works") {
  Home home;
  Index index("/dev/null/index", home.clock);
  auto store = home.store(&index, MailLocation::Format::Maildir);
  append(*store, 1);
  auto inbox = open(*store);
  auto before = inbox->highest_modseq();
  flag(*inbox, 1);
  CHECK(inbox->highest_modseq() > before);
  inbox->cache(Uid(1), CacheItem::Envelope, "x");
  REQUIRE(inbox->sync());
  CHECK_FALSE(inbox->cached(Uid(1), CacheItem::Envelope).has_value());
}

TEST_CASE("an index that others may write to is not used") {
  Home home;
  std::filesystem::create_directory(home.index_directory);
  std::filesystem::permissions(home.index_directory, std::filesystem::perms(0770));
  Index index(home.index_directory, home.clock);
  auto store = home.store(&index, MailLocation::Format::Maildir);
  append(*store, 1);
  auto inbox = open(*store);
  inbox->cache(Uid(1), CacheItem::Envelope, "x");
  REQUIRE(inbox->sync());
  CHECK_FALSE(inbox->cached(Uid(1), CacheItem::Envelope).has_value());
  CHECK(std::filesystem::is_empty(home.index_directory));
}

TEST_CASE("another UIDVALIDITY, or a deleted folder, leaves nothing of the old one") {
  Scratch scratch;
  ManualClock clock;
  Index index(scratch.path() / "index", clock);
  Index::Folder folder{"guid", 7};
  std::vector<Index::State> states{Index::State{Uid(1), Flags::Seen, 3, ModSeq(0)}};
  auto highest = index.settle(folder, states, {}, ModSeq(0));
  CHECK(states[0].modseq == highest);
  REQUIRE(index.states(folder).size() == 1);
  CHECK(index.states(folder)[0].keywords == 3);
  CHECK(index.states(folder)[0].flags == Flags::Seen);
  std::vector<Index::Value> values{{Uid(1), CacheItem::Octets, "5"}};
  index.cache(folder, values);
  CHECK(index.cached(folder, Uid(1), CacheItem::Octets) == "5");
  Index::Folder renewed{"guid", 8};
  REQUIRE(index.expunged_since(folder, highest));
  CHECK_FALSE(index.expunged_since(renewed, highest));
  CHECK(index.states(renewed).empty());
  CHECK_FALSE(index.cached(renewed, Uid(1), CacheItem::Octets).has_value());
  CHECK(index.highest_modseq(renewed) >= highest);
  index.settle(renewed, states, {}, ModSeq(0));
  index.forget(renewed);
  CHECK(index.states(renewed).empty());
  Index::Folder other{"guid2", 8};
  index.settle(other, states, {}, ModSeq(0));
  CHECK(index.states(renewed).empty());
  Uid gone(1);
  index.settle(other, states, std::span(&gone, 1), ModSeq(0));
  CHECK(index.states(other).empty());
}
