#include "store/mailbox/lock_wait.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>

#include "common/async/nursery.h"
#include "common/base/scratch.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/folder_cache.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::store;
using namespace std::chrono_literals;

namespace {

constexpr auto give_up_after = 60s;
// More than libuv has threads by default.
constexpr std::size_t sessions = 12;

// An account in either format whose INBOX another host's program may lock.
struct Account {
  Scratch scratch;
  FolderCache folder_cache;
  StoreSettings settings;
  MailLocation location;
  std::string lock;

  explicit Account(MailLocation::Format format) {
    settings.fsync = false;
    settings.brief_lock_ms = 20;
    settings.folder_cache = &folder_cache;
    location.format = format;
    location.root = location.index = scratch / "mail";
    location.inbox = location.root;
    lock = location.root + "/dovecot-uidlist.lock";
    if (format == MailLocation::Format::Mbox) {
      location.inbox = scratch / "inbox";
      lock = location.inbox + ".lock";
    }
  }
  std::unique_ptr<MailStore> store() const { return open_store(location, settings); }
  void hold() const { std::ofstream(lock) << "1:otherhost"; }
  void give_back() const { std::filesystem::remove(lock); }
};

std::vector<NewMessage> message() {
  NewMessage message;
  message.body = {std::string_view("Subject: x\n\ntext\n")};
  return {message};
}

struct Progress {
  std::atomic<std::size_t> tries = 0;
  std::size_t done = 0;
};

Task<> append(Loop& loop, const Account& account, Progress& progress) {
  auto store = account.store();
  auto messages = message();
  auto work = retry_while_locked(loop, give_up_after, [&] {
    ++progress.tries;
    return store->append(MailboxName::inbox(), messages);
  });
  auto appended = co_await std::move(work);
  CHECK(appended);
  ++progress.done;
}

Task<> append_in_vain(Loop& loop, MailStore& store) {
  auto messages = message();
  auto work =
      retry_while_locked(loop, 100ms, [&] { return store.append(MailboxName::inbox(), messages); });
  auto refused = co_await std::move(work);
  REQUIRE_FALSE(refused);
  CHECK(is_in_use(refused.error()));
}

Task<> appends_beside_others(Loop& loop, const Account& account) {
  account.hold();
  Progress progress;
  Nursery nursery(loop);
  for (std::size_t i = 0; i < sessions; ++i) nursery.start(append(loop, account, progress));
  // All have tried several times, which they could not if those before them kept the threads; and
  // what any other session asks of the pool meanwhile is done while the lock is still held.
  constexpr std::size_t tries_each = 3;
  while (progress.tries < tries_each * sessions && !nursery.empty()) {
    co_await loop.offload([] {});
    co_await loop.sleep(1ms);
  }
  CHECK(progress.tries >= tries_each * sessions);
  CHECK(progress.done == 0);
  account.give_back();
  co_await nursery.join();
  CHECK(progress.done == sessions);
}

}  // namespace

TEST_CASE("who waits for another program's lock keeps no thread from others") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Account account(format);
    auto store = account.store();
    REQUIRE(store->append(MailboxName::inbox(), message()));
    Loop loop;
    loop.run_until(appends_beside_others(loop, account));
    CHECK(store->status(MailboxName::inbox())->messages == sessions + 1);
  }
}

TEST_CASE("a lock that stays is told as InUse, and nothing was changed") {
  for (auto format : {MailLocation::Format::Maildir, MailLocation::Format::Mbox}) {
    Account account(format);
    auto store = account.store();
    REQUIRE(store->append(MailboxName::inbox(), message()));
    account.hold();
    Loop loop;
    loop.run_until(append_in_vain(loop, *store));
    account.give_back();
    CHECK(store->status(MailboxName::inbox())->messages == 1);
    auto drafts = account.location.root + "/tmp";
    bool is_maildir = format == MailLocation::Format::Maildir;
    if (is_maildir) CHECK(std::filesystem::is_empty(drafts));
  }
}

TEST_CASE("out of an mbox that another program has locked nothing is copied to be moved") {
  Account account(MailLocation::Format::Mbox);
  auto store = account.store();
  auto target = *store->parse_name("Kept");
  REQUIRE(store->create(target));
  auto uids = store->append(MailboxName::inbox(), message())->uids;
  auto inbox = *store->open(MailboxName::inbox(), Access::ReadWrite);
  // What has not changed for a while is read without the lock that is held.
  auto a_while_ago = std::filesystem::file_time_type::clock::now() - 10s;
  std::filesystem::last_write_time(account.location.inbox, a_while_ago);
  REQUIRE(inbox->sync());
  account.hold();
  auto refused = inbox->move(uids, target);
  REQUIRE_FALSE(refused);
  CHECK(is_in_use(refused.error()));
  CHECK(store->status(target)->uid_next == Uid(1));
  account.give_back();
  CHECK(inbox->move(uids, target));
  CHECK(store->status(target)->messages == 1);
}

TEST_CASE("new messages that wait for a lock are said to, the others are served") {
  Account account(MailLocation::Format::Maildir);
  auto store = account.store();
  REQUIRE(store->append(MailboxName::inbox(), message()));
  auto inbox = *store->open(MailboxName::inbox(), Access::ReadWrite);
  CHECK_FALSE(inbox->sync()->waiting);
  account.hold();
  std::ofstream(account.location.root + "/new/1700000000.M1.host") << "Subject: y\n\n";
  for (int look = 0; look < 3; ++look) {
    auto changes = inbox->sync();
    REQUIRE(changes);
    CHECK(changes->waiting);
    CHECK(changes->empty());
    CHECK(inbox->messages().size() == 1);
  }
  account.give_back();
  auto changes = inbox->sync();
  REQUIRE(changes);
  CHECK_FALSE(changes->waiting);
  CHECK(changes->added == std::vector<Uid>{Uid(2)});
}
