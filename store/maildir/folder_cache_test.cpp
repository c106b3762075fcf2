#include "store/maildir/folder_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/scratch.h"
#include "store/index/index.h"
#include "store/mailbox/file.h"
#include "store/maildir/store.h"

using namespace pennypost;
using namespace pennypost::store;

namespace {

// One process after another, each with its cache and the index that the last has left.
struct Home {
  Scratch scratch;
  std::string root = scratch / "Maildir";
  std::unique_ptr<Index> index;
  std::unique_ptr<FolderCache> folders;
  StoreSettings settings;
  FolderCache::Limits limits;

  Home() {
    settings.hostname = "mx.example.org";
    settings.fsync = false;
    start();
  }
  ~Home() { stop(); }

  void start() {
    index = std::make_unique<Index>(scratch / "index");
    folders = std::make_unique<FolderCache>(limits);
    settings.index = index.get();
    settings.folder_cache = folders.get();
  }
  void stop() {
    folders = nullptr;
    index = nullptr;
  }
  void restart() {
    stop();
    start();
  }
  std::unique_ptr<MailStore> store() const {
    MailLocation location;
    location.root = location.inbox = location.index = root;
    return std::make_unique<MaildirStore>(location, settings);
  }
  // As after a while without changes: what is listed from now on is trusted.
  void rest() const {
    const timespec times[2] = {{1'700'000'000, 5}, {1'700'000'000, 5}};
    for (const char* part : {"/new", "/cur"}) {
      REQUIRE(::utimensat(AT_FDCWD, (root + part).c_str(), times, 0) == 0);
    }
  }
  std::string only_name_with(std::string_view text) const {
    for (const auto& entry : std::filesystem::directory_iterator(root + "/cur")) {
      auto name = entry.path().filename().string();
      if (name.find(text) != std::string::npos) return name;
    }
    FAIL("no such name");
    return "";
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(root + "/cur/" + from, root + "/cur/" + to);
  }
};

std::vector<Uid> append(MailStore& store, int count, Flags flags = Flags::Seen,
                        const std::string& folder = "INBOX") {
  NewMessage message;
  message.body = {std::string_view("Subject: x\n\ntext\n")};
  message.flags = flags;
  std::vector<NewMessage> messages(static_cast<std::size_t>(count), message);
  auto appended = store.append(*store.parse_name(folder), messages);
  REQUIRE(appended);
  return appended->uids;
}

std::unique_ptr<Mailbox> open(MailStore& store, Access access = Access::ReadWrite,
                              const std::string& folder = "INBOX") {
  auto mailbox = store.open(*store.parse_name(folder), access);
  REQUIRE(mailbox);
  return *std::move(mailbox);
}

Changes sync(Mailbox& mailbox) {
  auto changes = mailbox.sync();
  REQUIRE(changes);
  return *std::move(changes);
}

Stored flag(Mailbox& mailbox, Uid uid, Flags flags) {
  FlagChange change;
  change.flags = flags;
  auto stored = mailbox.store(std::span(&uid, 1), change);
  REQUIRE(stored);
  return *std::move(stored);
}

}  // namespace

TEST_CASE("a folder at rest is listed once a process, and by the next process not at all") {
  Home home;
  auto store = home.store();
  append(*store, 3);
  home.rest();
  CHECK(open(*store)->messages().size() == 3);
  // What changes without any trace in mtimes is what nobody looks for.
  home.rest();
  auto name = home.only_name_with("S=");
  home.rename(name, "hidden");
  home.rest();
  CHECK(open(*store)->find(Uid(2)) != nullptr);
  CHECK(open(*store)->messages().size() == 3);
  store = nullptr;
  home.restart();
  store = home.store();
  CHECK(open(*store)->messages().size() == 3);
  CHECK(open(*store)->find(Uid(3))->flags == Flags::Seen);

  SUBCASE("a change that mtimes tell is seen by the next open") {
    home.rename("hidden", name);
    home.rename(name, name.substr(0, name.find(':')) + ":2,FS");
    auto inbox = open(*store);
    CHECK(std::ranges::count_if(inbox->messages(), [](const Message& message) {
            return message.flags.has(Flags::Flagged);
          }) == 1);
  }
  SUBCASE("a file that another program took away is gone at the next open") {
    std::filesystem::remove(home.root + "/cur/hidden");
    CHECK(open(*store)->messages().size() == 2);
  }
  SUBCASE("without the index all is read again") {
    store = nullptr;
    home.stop();
    std::filesystem::remove_all(home.scratch / "index");
    home.start();
    store = home.store();
    auto inbox = open(*store);
    CHECK(inbox->messages().size() == 3);  // `hidden` is a message, with a UID of its own
    CHECK(inbox->messages().back().uid == Uid(4));
  }
}

TEST_CASE("what another program does between two processes is seen, with the UIDs it gave") {
  Home home;
  auto store = home.store();
  append(*store, 3);
  home.rest();
  auto validity = open(*store)->uid_validity();
  store = nullptr;
  home.stop();
  // As Dovecot does: a new message with a UID, another one expunged.
  std::ofstream(home.root + "/cur/1700000009.M1P1.other,S=10:2,FR") << "Subject: y\n\n";
  std::ofstream(home.root + "/dovecot-uidlist", std::ios::app) << "7 :1700000009.M1P1.other,S=10\n";
  std::filesystem::remove(home.root + "/cur/" + home.only_name_with("Q"));
  home.start();
  store = home.store();
  auto inbox = open(*store);
  CHECK(inbox->uid_validity() == validity);
  CHECK(inbox->messages().size() == 3);
  REQUIRE(inbox->find(Uid(7)) != nullptr);
  CHECK(inbox->find(Uid(7))->flags == (Flags::Flagged | Flags::Answered));
  CHECK(inbox->uid_next() == Uid(8));
}

TEST_CASE("a change in the very moment of the listing is seen by the next open") {
  Home home;
  auto store = home.store();
  append(*store, 2);
  for (int round = 0; round < 20; ++round) {
    open(*store);
    // Within the clock tick of the listing, so that mtime may be the same.
    auto name = home.only_name_with(round % 2 == 0 ? ":2,S" : ":2,FS");
    auto base = name.substr(0, name.find(':'));
    home.rename(name, base + (round % 2 == 0 ? ":2,FS" : ":2,S"));
    auto inbox = open(*store);
    auto flagged = std::ranges::count_if(inbox->messages(), [](const Message& message) {
      return message.flags.has(Flags::Flagged);
    });
    CHECK(flagged == (round % 2 == 0 ? 1 : 0));
  }
}

TEST_CASE("a state that a damaged index gives back is not believed") {
  Home home;
  auto store = home.store();
  append(*store, 2);
  home.rest();
  open(*store);
  store = nullptr;
  home.stop();
  Index index(home.scratch / "index");
  auto text = index.state(home.root);
  auto snapshot = FolderSnapshot::decode(text);
  REQUIRE(snapshot);
  CHECK(FolderSnapshot::encode(snapshot->stamps, snapshot->uidlist, snapshot->state) == text);
  for (std::size_t length = 0; length < text.size(); ++length) {
    CHECK_FALSE(FolderSnapshot::decode(text.substr(0, length)).has_value());
  }
  CHECK_FALSE(FolderSnapshot::decode(text + "x").has_value());
}

TEST_CASE("sessions of one folder share what is known, and each is told what is new to it") {
  Home home;
  auto store = home.store();
  append(*store, 3);
  auto one = open(*store);
  auto two = open(*store);
  CHECK(one->messages().data() == two->messages().data());
  auto added = append(*store, 1);
  CHECK(flag(*one, Uid(1), Flags::Flagged).changed == std::vector<Uid>{Uid(1)});
  CHECK_FALSE(two->find(Uid(1))->flags.has(Flags::Flagged));
  CHECK(sync(*one).added == added);
  auto news = sync(*two);
  CHECK(news.added == added);
  CHECK(news.flags == std::vector<Uid>{Uid(1)});
  CHECK(two->find(Uid(1))->modseq == one->find(Uid(1))->modseq);
  CHECK(one->messages().data() == two->messages().data());
  CHECK(sync(*one).empty());

  // One that came and went is in no list.
  auto brief = append(*store, 1);
  CHECK(sync(*one).added == brief);
  REQUIRE(one->expunge(brief));
  Uid second(2);
  REQUIRE(one->expunge(std::span(&second, 1)));
  CHECK(two->find(second) != nullptr);
  news = sync(*two);
  CHECK(news.added.empty());
  CHECK(news.expunged == std::vector<Uid>{second});
  CHECK(sync(*one).empty());
  CHECK(two->messages().size() == 3);

  // What a session does shows it what others did, and that is still told.
  flag(*one, Uid(3), Flags::Answered);
  flag(*two, Uid(1), Flags::Deleted);
  CHECK(two->find(Uid(3))->flags.has(Flags::Answered));
  CHECK(sync(*two).flags == std::vector<Uid>{Uid(3)});
  CHECK(sync(*one).flags == std::vector<Uid>{Uid(1)});
}

TEST_CASE("a view stays as it was though another session changes the folder") {
  Home home;
  auto store = home.store();
  append(*store, 3);
  auto frozen = open(*store);
  auto other = open(*store);
  std::vector<Uid> all{Uid(1), Uid(2), Uid(3)};
  flag(*other, Uid(1), Flags::Flagged);
  Uid third(3);
  REQUIRE(other->expunge(std::span(&third, 1)));
  CHECK(frozen->messages().size() == 3);
  CHECK(frozen->find(Uid(1))->flags == Flags::Seen);
  // The file has another name by now.
  CHECK(frozen->open(Uid(1))->all()->starts_with("Subject"));
  CHECK(frozen->open(third).error().response_code() == ResponseCode::Expunged);
  CHECK(frozen->messages().size() == 3);
}

TEST_CASE(
    "messages are recent to the first session that may change the folder, wherever they lie") {
  Home home;
  auto store = home.store();
  REQUIRE(store->create(*store->parse_name("Sent")));
  append(*store, 1, Flags::Seen);  // into cur/
  append(*store, 1, Flags());      // into new/
  {
    auto examined = open(*store, Access::ReadOnly);
    CHECK(examined->is_recent(Uid(1)));
    CHECK(examined->is_recent(Uid(2)));
    CHECK(store->status(MailboxName::inbox())->recent == 2);
  }
  auto first = open(*store);
  auto second = open(*store);
  CHECK(first->is_recent(Uid(1)));
  CHECK(first->is_recent(Uid(2)));
  CHECK_FALSE(second->is_recent(Uid(1)));
  CHECK_FALSE(second->is_recent(Uid(2)));
  CHECK(store->status(MailboxName::inbox())->recent == 0);

  // Copied with flags, before anybody has opened the target; by the next process too.
  std::vector<Uid> both{Uid(1), Uid(2)};
  REQUIRE(first->copy(both, *store->parse_name("Sent")));
  first = nullptr;
  second = nullptr;
  store = nullptr;
  home.restart();
  store = home.store();
  CHECK_FALSE(open(*store)->is_recent(Uid(1)));
  auto sent = open(*store, Access::ReadWrite, "Sent");
  CHECK(sent->is_recent(Uid(1)));
  CHECK(sent->is_recent(Uid(2)));
  append(*store, 1, Flags::Seen, "Sent");
  auto later = open(*store, Access::ReadWrite, "Sent");
  CHECK(later->is_recent(Uid(3)));
  CHECK_FALSE(later->is_recent(Uid(1)));
  sync(*sent);
  CHECK_FALSE(sent->is_recent(Uid(3)));
  CHECK(sent->is_recent(Uid(1)));
}

TEST_CASE("once the UIDs are void, those that a session still has touch no message") {
  Home home;
  auto store = home.store();
  append(*store, 3);
  auto one = open(*store);
  auto other = open(*store);
  // Another program begins the list anew, without the first message.
  Uid first(1);
  Uid second(2);
  auto path = home.root + "/cur/" + home.only_name_with(":2,S");
  std::filesystem::remove(home.root + "/dovecot-uidlist");
  std::filesystem::remove(path);
  home.rest();
  REQUIRE(sync(*other).uid_validity);
  CHECK(other->messages().size() == 2);
  CHECK(flag(*one, second, Flags::Deleted).changed.empty());
  CHECK(one->expunge(std::span(&first, 1))->empty());
  sync(*other);
  CHECK(other->messages().size() == 2);
  for (const auto& message : other->messages()) CHECK(message.flags == Flags::Seen);
  CHECK(sync(*one).uid_validity);
}

TEST_CASE("folders not in use are kept within limits, the last ones used") {
  Home home;
  home.limits.folders_max = 2;
  home.restart();
  auto store = home.store();
  for (const char* name : {"A", "B", "C", "D"}) {
    REQUIRE(store->create(*store->parse_name(name)));
    append(*store, 2, Flags::Seen, name);
    open(*store, Access::ReadWrite, name);
  }
  CHECK(home.folders->count() == 2);
  auto in_use = open(*store, Access::ReadWrite, "A");
  for (const char* name : {"B", "C", "D"}) {
    CHECK(open(*store, Access::ReadWrite, name)->messages().size() == 2);
  }
  CHECK(home.folders->count() <= 3);
  CHECK(sync(*in_use).empty());
  append(*store, 1, Flags::Seen, "A");
  CHECK(sync(*in_use).added == std::vector<Uid>{Uid(3)});
}

TEST_CASE("a folder removed or renamed leaves nothing behind under its old name") {
  Home home;
  auto store = home.store();
  auto old_name = *store->parse_name("Old");
  REQUIRE(store->create(old_name));
  append(*store, 2, Flags::Seen, "Old");
  auto validity = open(*store, Access::ReadWrite, "Old")->uid_validity();
  REQUIRE(store->rename(old_name, *store->parse_name("New")));
  REQUIRE(store->create(old_name));
  CHECK(open(*store, Access::ReadWrite, "Old")->messages().empty());
  auto moved = open(*store, Access::ReadWrite, "New");
  CHECK(moved->messages().size() == 2);
  CHECK(moved->uid_validity() == validity);
  REQUIRE(store->remove(*store->parse_name("New")));
  CHECK_FALSE(store->open(*store->parse_name("New"), Access::ReadWrite));
}

TEST_CASE("many sessions append to one folder at once: each gets the UIDs of its own messages") {
  Home home;
  home.settings.fsync = true;
  constexpr int sessions = 8;
  constexpr int rounds = 10;
  std::vector<std::vector<Uid>> given(sessions);
  std::vector<std::thread> threads;
  for (int i = 0; i < sessions; ++i) {
    threads.emplace_back([&home, &uids = given[static_cast<std::size_t>(i)], i] {
      auto store = home.store();
      auto inbox = open(*store);
      for (int round = 0; round < rounds; ++round) {
        auto text = "Subject: " + std::to_string(i) + "\n\n";
        NewMessage message;
        message.body = {std::string_view(text)};
        if (round % 2 == 0) message.flags = Flags::Seen;
        if (round % 3 == 0) message.keywords = {"k" + std::to_string(i)};
        auto appended = store->append(MailboxName::inbox(), std::span(&message, 1));
        if (!appended || appended->uids.size() != 1) return;
        uids.push_back(appended->uids.front());
        if (!inbox->sync()) return;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  auto store = home.store();
  auto inbox = open(*store);
  CHECK(inbox->messages().size() == sessions * rounds);
  for (int i = 0; i < sessions; ++i) {
    const auto& uids = given[static_cast<std::size_t>(i)];
    CHECK(uids.size() == rounds);
    CHECK(std::ranges::is_sorted(uids));
    for (auto uid : uids) {
      CHECK(*inbox->open(uid)->header() == "Subject: " + std::to_string(i) + "\r\n\r\n");
    }
  }
}

TEST_CASE("an addition that fails takes nothing with it, neither its own nor others'") {
  Home home;
  auto store = home.store();
  append(*store, 1);
  MailLocation location;
  location.root = location.inbox = location.index = home.root;
  MaildirLayout layout(location, home.settings);
  Arrivals arrivals(layout, MailboxName::inbox());
  auto in_cur = [&home](std::string_view where, const std::string& name) -> Result<void> {
    std::ofstream(home.root + "/" + std::string(where) + "/" + name) << "Subject: x\n\n";
    return {};
  };
  auto fails = [](std::string_view, const std::string&) -> Result<void> {
    return Error::temporary("no");
  };
  std::vector<Arrival> bad{{"1.a", Flags::Seen, {}, in_cur}, {"1.b", Flags::Seen, {}, fails}};
  std::vector<Arrival> good{{"1.c", Flags::Seen, {}, in_cur}};
  CHECK_FALSE(arrivals.add(bad));
  CHECK(arrivals.add(good)->uids == std::vector<Uid>{Uid(2)});
  CHECK(open(*store)->messages().size() == 2);
  CHECK_FALSE(std::filesystem::exists(home.root + "/cur/1.a:2,S"));
}
