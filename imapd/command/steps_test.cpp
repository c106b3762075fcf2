// FETCH and SEARCH work in steps, on threads that other accounts need too: how large the steps are,
// and where they wait.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "common/base/descriptor.h"
#include "common/base/scratch.h"
#include "imapd/fetch/fetch_producer.h"
#include "imapd/search/searcher.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace pennypost::imap;
using store::Uid;

namespace {

struct Account {
  Scratch scratch;
  std::unique_ptr<store::MailStore> mail;
  std::string inbox = scratch / "mail";

  explicit Account(store::MailLocation::Format format = store::MailLocation::Format::Maildir) {
    store::StoreSettings settings;
    settings.fsync = false;
    settings.brief_lock_ms = 10;
    store::MailLocation location;
    location.format = format;
    location.root = location.index = scratch / "mail";
    if (format == store::MailLocation::Format::Mbox) inbox = scratch / "inbox";
    location.inbox = inbox;
    mail = store::open_store(location, settings);
  }
  void append(int count, std::size_t octets) const {
    std::string text = "Subject: x\n\n" + std::string(octets, 'x') + "\n";
    store::NewMessage message;
    message.body = {std::string_view(text)};
    std::vector<store::NewMessage> messages(static_cast<std::size_t>(count), message);
    REQUIRE(mail->append(store::MailboxName::inbox(), messages));
  }
  std::unique_ptr<store::Mailbox> open() const {
    return *mail->open(store::MailboxName::inbox(), store::Access::ReadWrite);
  }
};

FetchRequest whole_messages() {
  auto request = parse_fetch(" 1:* BODY[]", Limits());
  REQUIRE(request);
  return *request;
}

SearchRequest body_search() {
  auto request = parse_search(" BODY xx", Limits());
  REQUIRE(request);
  return *request;
}

std::ptrdiff_t seen(const store::Mailbox& mailbox) {
  return std::ranges::count_if(mailbox.messages(), [](const store::Message& message) {
    return message.flags.has(store::Flags::Seen);
  });
}

}  // namespace

TEST_CASE("messages are marked as seen in batches that are small in messages and in octets") {
  struct Row {
    int count;
    std::size_t octets;
    int marked;
  };
  for (auto row : {Row{5, 300'000, 1}, Row{150, 100, 100}, Row{20, 40'000, 3}}) {
    CAPTURE(row.octets);
    Account account;
    account.append(row.count, row.octets);
    Selected selected(account.open());
    const auto& mailbox = selected.mailbox();
    std::vector<NumberRange> numbers{{1, selected.exists()}};
    auto request = whole_messages();
    FetchProducer producer(selected.mailbox(), selected.view(), numbers, request, false);
    std::string out;
    REQUIRE(producer.produce(out, 1));
    CHECK(seen(mailbox) == row.marked);
    for (bool more = true; more;) {
      auto produced = producer.produce(out, 1 << 20);
      REQUIRE(produced);
      more = *produced;
    }
    CHECK(seen(mailbox) == row.count);
    // Each answer tells it.
    int told = 0;
    for (auto at = out.find("FLAGS (\\Seen"); at != std::string::npos;
         at = out.find("FLAGS (\\Seen", at + 1)) {
      ++told;
    }
    CHECK(told == row.count);
  }
}

TEST_CASE("a step of SEARCH ends after a number of octets, also within a message") {
  for (auto row : {std::pair(5, 400'000), std::pair(1, 3'000'000)}) {
    const int count = row.first;
    const int octets = row.second;
    CAPTURE(octets);
    Account account;
    account.append(count, static_cast<std::size_t>(octets));
    Selected selected(account.open());
    auto searcher = Searcher::make(selected, selected.mailbox(), body_search(), 0);
    REQUIRE(searcher);
    std::vector<std::uint32_t> found;
    int steps = 1;
    bool was_within = false;
    while (searcher->run(500, 1'000'000, found)) {
      was_within = was_within || searcher->is_within_message();
      ++steps;
    }
    CHECK(was_within);
    // What is read and what is searched both count.
    CHECK(steps >= 3);
    CHECK(steps <= 8);
    CHECK(found.size() == static_cast<std::size_t>(count));
  }
}

TEST_CASE("a step of SEARCH with many keys looks at fewer messages") {
  Account account;
  account.append(40, 10);
  Selected selected(account.open());
  std::string keys;
  for (int i = 0; i < 900; ++i) keys += " NOT KEYWORD k" + std::to_string(i);
  auto request = parse_search(keys, Limits());
  REQUIRE(request);
  auto searcher = Searcher::make(selected, selected.mailbox(), *request, 0);
  REQUIRE(searcher);
  std::vector<std::uint32_t> found;
  CHECK(searcher->run(500, 100'000, found));
  CHECK(found.size() < 10);
  while (searcher->run(500, 100'000, found)) continue;
  CHECK(found.size() == 40);
}

TEST_CASE("all texts of a SEARCH are found in one pass, each where its key looks") {
  Account account;
  std::string text =
      "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from\n afar\nFrom: Ann <ann@example.org>\n"
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst body\n--b\n"
      "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nc2Vjb25kIGJvZHk=\n--b--\n";
  store::NewMessage message;
  message.body = {std::string_view(text)};
  REQUIRE(account.mail->append(store::MailboxName::inbox(), std::vector{message}));
  Selected selected(account.open());
  struct Row {
    const char* keys;
    bool is_found;
  };
  for (auto row :
       {Row{" BODY first BODY second TEXT afar", true}, Row{" BODY first BODY afar", false},
        Row{" OR BODY nothing TEXT afar", true}, Row{" OR BODY nothing TEXT neither", false},
        Row{" NOT BODY base64 TEXT base64", true}, Row{" NOT TEXT second", false},
        Row{" SUBJECT {7}\r\ngrüsse SUBJECT \"from afar\" NOT SUBJECT second", true},
        Row{" FROM \"Ann <ann@\" FROM example HEADER From ann TO \"\"", false},
        Row{" FROM \"Ann <ann@\" FROM example HEADER From ann NOT TO \"\"", true},
        Row{" HEADER a x HEADER b x HEADER c x HEADER d x HEADER e x", false},
        Row{" NOT HEADER a \"\" NOT HEADER b x NOT HEADER c x NOT HEADER d x "
            "HEADER subject afar",
            true},
        Row{" BODY \"\" TEXT \"\"", true}}) {
    CAPTURE(row.keys);
    auto request = parse_search(" CHARSET UTF-8" + std::string(row.keys), Limits());
    REQUIRE(request);
    auto searcher = Searcher::make(selected, selected.mailbox(), *request, 0);
    REQUIRE(searcher);
    std::vector<std::uint32_t> found;
    // In steps of one octet too.
    while (searcher->run(1, 1, found)) continue;
    CHECK(found.size() == (row.is_found ? 1 : 0));
  }
}

TEST_CASE("FETCH and SEARCH stop before a message that another program has locked, and go on") {
  Account account(store::MailLocation::Format::Mbox);
  account.append(3, 10);
  Selected selected(account.open());
  std::vector<NumberRange> numbers{{1, 3}};
  auto request = whole_messages();
  FetchProducer producer(selected.mailbox(), selected.view(), numbers, request, false);
  auto searcher = Searcher::make(selected, selected.mailbox(), body_search(), 0);
  REQUIRE(searcher);

  Descriptor other(::open(account.inbox.c_str(), O_RDWR));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  REQUIRE(::fcntl(other.number(), F_OFD_SETLK, &lock) == 0);
  std::string out;
  std::vector<std::uint32_t> found;
  for (int i = 0; i < 2; ++i) {
    auto produced = producer.produce(out, 1 << 20);
    REQUIRE(produced);
    CHECK(*produced);
    CHECK(producer.is_held_up());
    CHECK(out.empty());
    CHECK(searcher->run(500, 1 << 20, found));
    CHECK(searcher->is_held_up());
    CHECK(found.empty());
  }

  SUBCASE("the lock goes") {
    other = Descriptor();
    auto produced = producer.produce(out, 1 << 20);
    REQUIRE(produced);
    CHECK_FALSE(*produced);
    CHECK_FALSE(producer.is_held_up());
    CHECK(out.find("* 3 FETCH (BODY[] {") != std::string::npos);
    CHECK(out.find("FLAGS (\\Seen") != std::string::npos);
    CHECK_FALSE(producer.failure());
    CHECK_FALSE(searcher->run(500, 1 << 20, found));
    CHECK(found.size() == 3);
  }
  SUBCASE("the patience ends") {
    producer.stop_waiting();
    auto produced = producer.produce(out, 1 << 20);
    REQUIRE(produced);
    CHECK_FALSE(*produced);
    CHECK(out.empty());
    REQUIRE(producer.failure());
    CHECK(store::is_in_use(*producer.failure()));
    searcher->stop_waiting();
    CHECK_FALSE(searcher->run(500, 1 << 20, found));
    CHECK(found.empty());
  }
}

TEST_CASE("YOUNGER and OLDER both find a message of just that age, LARGER and SMALLER neither") {
  Account account;
  store::NewMessage message;
  message.body = {std::string_view("A: b\r\n\r\nx\r\n")};
  message.internal_date = 1'700'000'000;
  REQUIRE(account.mail->append(store::MailboxName::inbox(), std::vector{message}));
  Selected selected(account.open());
  for (auto row : {std::pair(" YOUNGER 100", true), std::pair(" OLDER 100", true),
                   std::pair(" YOUNGER 99", false), std::pair(" OLDER 101", false),
                   std::pair(" LARGER 11", false), std::pair(" SMALLER 11", false),
                   std::pair(" LARGER 10", true), std::pair(" SMALLER 12", true)}) {
    CAPTURE(row.first);
    auto request = parse_search(row.first, Limits());
    REQUIRE(request);
    auto searcher = Searcher::make(selected, selected.mailbox(), *request, 1'700'000'100);
    REQUIRE(searcher);
    std::vector<std::uint32_t> found;
    while (searcher->run(1, 1, found)) continue;
    CHECK(found.size() == (row.second ? 1 : 0));
  }
}

TEST_CASE("the texts of all keys of a SEARCH have 256 KiB at most, folded") {
  Account account;
  account.append(1, 10);
  Selected selected(account.open());
  Limits limits;
  limits.literal_bytes_max = 1 << 20;
  for (auto [octets, is_taken] : {std::pair(120 << 10, true), std::pair(130 << 10, false)}) {
    auto text = " TEXT {" + std::to_string(octets) + "}\r\n" +
                std::string(static_cast<std::size_t>(octets), 'x');
    auto request = parse_search(text + " SUBJECT" + text.substr(5), limits);
    REQUIRE(request);
    auto searcher = Searcher::make(selected, selected.mailbox(), *request, 0);
    CHECK(searcher.has_value() == is_taken);
  }
}
