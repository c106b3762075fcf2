// A search whose messages are read by two threads at once finds what one thread finds, in order.
#include "imapd/search/text_batch.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <numeric>
#include <thread>

#include "common/base/descriptor.h"
#include "imapd/search/searcher.h"
#include "imapd/search/testing.h"

using namespace pennypost;
using namespace pennypost::imap;
using store::Uid;

namespace {

using Numbers = std::vector<std::uint32_t>;

constexpr std::size_t all_messages = 500;
constexpr std::uint64_t much = 64 << 20;

using Account = SearchedAccount;

Selected select(const Account& account) { return Selected(account.open()); }

Searcher search(Selected& selected, const std::string& keys) {
  auto searcher = Searcher::make(selected, selected.mailbox(), *parse_search(keys, Limits()), 0);
  REQUIRE(searcher);
  return *std::move(searcher);
}

void read_by_two(Searcher& searcher) {
  std::thread helper([&] { searcher.read(); });
  searcher.read();
  helper.join();
}

std::string message(const std::string& word, std::size_t octets = 100) {
  return "Subject: " + word + "\n\n" + std::string(octets, 'x') + ' ' + word + "\n";
}

// Messages from 1 on; every third has the word.
std::vector<std::string> many(int count) {
  std::vector<std::string> texts;
  for (int i = 1; i <= count; ++i) texts.push_back(message(i % 3 == 0 ? "needle" : "hay"));
  return texts;
}

}  // namespace

TEST_CASE("what must be read and what need not be is found in the order of the numbers") {
  Account account;
  account.append(many(600));
  auto selected = select(account);
  auto searcher = search(selected, " OR SUBJECT hay BODY needle");
  Numbers found;
  // More messages than fit into a batch.
  while (searcher.gather(all_messages, 20'000, found)) read_by_two(searcher);
  Numbers expected(600);
  std::iota(expected.begin(), expected.end(), 1);
  CHECK(found == expected);
}

TEST_CASE("no more messages are gathered than a batch holds, and no more read than a step allows") {
  Account account;
  account.append(std::vector<std::string>(400, message("needle", 1000)));
  auto selected = select(account);
  auto searcher = search(selected, " BODY needle");
  Numbers found;
  REQUIRE(searcher.gather(all_messages, much, found));
  CHECK(searcher.looked_at() == TextBatch::messages_max);
  CHECK(searcher.unread() == TextBatch::messages_max);
  read_by_two(searcher);
  CHECK(searcher.unread() == 0);
  // About five, and one for the second thread.
  REQUIRE(searcher.gather(all_messages, 10'000, found));
  CHECK(found.size() == TextBatch::messages_max);
  auto gathered = searcher.unread();
  read_by_two(searcher);
  CHECK(gathered - searcher.unread() >= 1);
  CHECK(gathered - searcher.unread() <= 7);
}

TEST_CASE("messages that are removed after they were gathered are missed, and all others found") {
  Account account;
  account.append(many(60));
  auto selected = select(account);
  auto searcher = search(selected, " BODY needle");
  Numbers found;
  REQUIRE(searcher.gather(all_messages, much, found));
  auto other = account.open();
  REQUIRE(other);
  REQUIRE(other->expunge(std::vector{Uid(3), Uid(4), Uid(60)}));
  CHECK_FALSE(searcher.has_missed());
  read_by_two(searcher);
  CHECK_FALSE(searcher.gather(all_messages, much, found));
  CHECK(searcher.has_missed());
  Numbers expected;
  for (std::uint32_t number = 6; number < 60; number += 3) expected.push_back(number);
  CHECK(found == expected);
}

TEST_CASE("a locked mailbox is read later by two threads, or not at all") {
  Account account(store::MailLocation::Format::Mbox);
  account.append(many(30));
  auto selected = select(account);
  auto searcher = search(selected, " BODY needle");
  Numbers found;
  REQUIRE(searcher.gather(all_messages, much, found));

  Descriptor other(::open(account.location.inbox.c_str(), O_RDWR));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  REQUIRE(::fcntl(other.number(), F_OFD_SETLK, &lock) == 0);
  for (int i = 0; i < 2; ++i) {
    read_by_two(searcher);
    CHECK(searcher.gather(all_messages, much, found));
    CHECK(searcher.is_held_up());
    CHECK(found.empty());
  }
  SUBCASE("the lock goes") {
    other = Descriptor();
    read_by_two(searcher);
    CHECK_FALSE(searcher.gather(all_messages, much, found));
    CHECK(found == Numbers{3, 6, 9, 12, 15, 18, 21, 24, 27, 30});
    CHECK_FALSE(searcher.has_missed());
  }
  SUBCASE("the patience ends") {
    searcher.stop_waiting();
    read_by_two(searcher);
    CHECK_FALSE(searcher.gather(all_messages, much, found));
    CHECK(found.empty());
  }
}

TEST_CASE("of large messages one is in memory at a time") {
  Account account;
  auto large = message("needle", TextBatch::large_octets + 1000);
  account.append({message("needle"), large, message("hay"), large, large, message("needle")});
  auto selected = select(account);
  auto searcher = search(selected, " BODY needle");
  Numbers found;
  std::size_t within = 0;
  while (searcher.gather(all_messages, 300'000, found)) {
    read_by_two(searcher);
    within += searcher.is_within_message() ? 1 : 0;
    // Beside it a small one, where the step has ended within that.
    CHECK(searcher.messages_in_memory() <= 2);
  }
  CHECK(within > 9);
  CHECK(found == Numbers{1, 2, 4, 5, 6});
}

TEST_CASE("a large message is not begun in the step in which the one before it ends") {
  Account account;
  auto large = message("needle", TextBatch::large_octets + 1000);
  account.append({large, large});
  auto selected = select(account);
  auto searcher = search(selected, " BODY needle");
  Numbers found;
  REQUIRE(searcher.gather(all_messages, 100'000'000, found));
  searcher.read();
  CHECK(searcher.unread() == 1);
  CHECK(searcher.messages_in_memory() == 0);
}

TEST_CASE("a message is not searched to its end when the answer is known before") {
  Account account;
  account.append({"Subject: x\n\nneedle\n" + std::string(3'000'000, 'x') + "\n"});
  auto selected = select(account);
  int steps = 0;
  Numbers found;
  auto searcher = search(selected, " OR BODY needle BODY absent");
  for (; searcher.gather(all_messages, 300'000, found); ++steps) searcher.read();
  CHECK(found == Numbers{1});
  // What is left is to read it.
  CHECK(steps >= 6);
  CHECK(steps <= 8);
}
