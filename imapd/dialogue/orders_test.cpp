// SORT and THREAD asked again, while messages come and go: from what is kept of the last time, the
// answers are those of a worker that has nothing kept.
#include <fcntl.h>

#include <random>
#include <thread>

#include "common/base/descriptor.h"
#include "common/log/sink.h"
#include "imapd/command/ordering.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const char* const criteria[] = {"SUBJECT", "REVERSE DATE", "FROM REVERSE SIZE", "ARRIVAL",
                                "REVERSE SUBJECT DATE"};
const char* const threads[] = {"REFERENCES", "ORDEREDSUBJECT", "REFS"};

/// Messages of few subjects, senders, days and sizes, so that many are equal.
class Mail {
 public:
  explicit Mail(TestAccount& account) : account_(account) {}

  void deliver(int count) {
    for (; count > 0; --count) {
      ++id_;
      auto answered = std::to_string(1 + chance_() % static_cast<unsigned>(id_));
      account_.deliver("From: p" + std::to_string(chance_() % 7) + "@x.org\nSubject: s" +
                       std::to_string(chance_() % 9) +
                       "\nDate: " + std::to_string(1 + chance_() % 20) +
                       " Jan 2024 10:00:00 +0000\nMessage-ID: <" + std::to_string(id_) +
                       "@x.org>\nReferences: <" + answered + "@x.org>\n\n" +
                       std::string(chance_() % 5, 'x') + "\n");
    }
  }

 private:
  TestAccount& account_;
  std::minstd_rand chance_{7};
  int id_ = 0;
};

// As many kinds as are kept.
static_assert(std::size(criteria) + std::size(threads) == kept_orders_max);

std::string all_answers(Client& client, const std::string& keys) {
  std::string out;
  for (const char* form : {"", "UID "}) {
    for (const auto* one : criteria) {
      out += client.command(form + std::string("SORT (") + one + ") UTF-8 " + keys);
    }
    for (const auto* one : threads) {
      out += client.command(form + std::string("THREAD ") + one + " UTF-8 " + keys);
    }
  }
  return out;
}

void check_same(Client& client, const TestAccount& account, const std::string& keys) {
  client.command("NOOP");
  Client fresh(account);
  fresh.command("SELECT INBOX");
  CHECK(all_answers(client, keys) == all_answers(fresh, keys));
}

}  // namespace

TEST_CASE(
    "what is sorted and threaded again is in the order of a first time, whatever came and went") {
  LogCapture log;
  TestAccount account;
  Mail mail(account);
  mail.deliver(40);
  Client client(account);
  client.command("SELECT INBOX");
  check_same(client, account, "ALL");
  check_same(client, account, "ALL");
  // The order of all serves a part, also one with new messages, and is still that of all.
  check_same(client, account, "FROM p3");
  mail.deliver(9);
  check_same(client, account, "FROM p3");
  check_same(client, account, "ALL");
  client.command("STORE 2:30 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  check_same(client, account, "ALL");
  mail.deliver(5);
  check_same(client, account, "NOT SUBJECT s4");
  mail.deliver(1);
  check_same(client, account, "ALL");
  // More than are put in.
  mail.deliver(static_cast<int>(messages_put_in_max) + 1);
  check_same(client, account, "ALL");
}

TEST_CASE(
    "an order is forgotten with its mailbox, and a part's order does not become that of all") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Box");
  append(client, "Box", "Subject: b\r\n\r\n");
  append(client, "Box", "Subject: a\r\n\r\n");
  client.command("SELECT Box");
  CHECK(has(client.command("UID SORT (SUBJECT) UTF-8 1"), "* SORT 1\r\n"));
  CHECK(has(client.command("UID SORT (SUBJECT) UTF-8 ALL"), "* SORT 2 1\r\n"));
  client.command("UNSELECT");
  client.command("DELETE Box");
  client.command("CREATE Box");
  append(client, "Box", "Subject: a\r\n\r\n");
  append(client, "Box", "Subject: b\r\n\r\n");
  client.command("SELECT Box");
  CHECK(has(client.command("UID SORT (SUBJECT) UTF-8 ALL"), "* SORT 1 2\r\n"));
}

namespace {

// As another program locks an mbox.
Descriptor lock_inbox(const TestAccount& account) {
  Descriptor inbox(::open((account.root() + "/inbox").c_str(), O_RDWR));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  REQUIRE(::fcntl(inbox.number(), F_OFD_SETLK, &lock) == 0);
  return inbox;
}

}  // namespace

TEST_CASE(
    "what another program has locked is waited for; if that takes too long, nothing is told") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  for (const char* subject : {"b", "a", "c"}) {
    append(client, "INBOX", "Subject: " + std::string(subject) + "\r\nX-A: x\r\n\r\nx\r\n");
  }
  client.command("SELECT INBOX");
  {
    auto lock = lock_inbox(account);
    for (const char* command :
         {"SORT (SUBJECT) UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL", "SEARCH HEADER X-A x",
          "SEARCH BODY x", "SORT RETURN (COUNT) (SUBJECT) UTF-8 ALL"}) {
      CAPTURE(command);
      CHECK(client.command(command).starts_with("NO [INUSE] "));
    }
  }
  const auto answered = [&](const char* command) {
    std::thread other([lock = lock_inbox(account)]() mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      lock = Descriptor();
    });
    auto answer = client.command(command);
    other.join();
    return answer;
  };
  // At first what is sorted is read from the messages, then only what is new.
  CHECK(answered("SORT (SUBJECT) UTF-8 2:3") == "* SORT 2 3\r\nOK Sort completed.\r\n");
  CHECK(answered("SORT (SUBJECT) UTF-8 1:3") == "* SORT 2 1 3\r\nOK Sort completed.\r\n");
  append(client, "INBOX", "Subject: aa\r\n\r\nx\r\n");
  CHECK(answered("THREAD ORDEREDSUBJECT UTF-8 4") == "* THREAD (4)\r\nOK Thread completed.\r\n");
  append(client, "INBOX", "Subject: ab\r\n\r\nx\r\n");
  CHECK(answered("SORT (SUBJECT) UTF-8 ALL") == "* SORT 2 4 5 1 3\r\nOK Sort completed.\r\n");
  CHECK(answered("SEARCH BODY x") == "* SEARCH 1 2 3 4 5\r\nOK Search completed.\r\n");
}

TEST_CASE("a command that meets one lock after another waits for each as long") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  account.lock_attempts = 100;
  Client client(account);
  std::string body;
  while (body.size() < 1'500'000) body += std::string(70, 'x') + "\r\n";
  append(client, "INBOX", "Subject: first\r\n\r\n" + body);
  append(client, "INBOX", "Subject: second\r\n\r\nx\r\n");
  client.command("SELECT INBOX");
  // Each for more than half of the two seconds.
  const auto answered = [&](const char* command, const char* last) {
    std::thread other([lock = lock_inbox(account)]() mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(1'200));
      lock = Descriptor();
    });
    auto answer = client.send(command, last);
    other.join();
    return answer;
  };
  CHECK(has(answered("f FETCH 1:2 BODY.PEEK[]\r\n", "Subject: first"), "* 1 FETCH"));
  CHECK(has(answered("", "f "), "f OK "));
}

TEST_CASE("a message that can't be read is left out, and the log says why") {
  LogCapture log;
  TestAccount account;
  account.deliver("Subject: b\nX-A: x\n\nx\n");
  account.deliver("Subject: a\nX-A: x\n\nx\n");
  Client client(account);
  client.command("SELECT INBOX");
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    paths.push_back(entry.path());
  }
  REQUIRE(paths.size() == 2);
  const auto& path = *std::ranges::min_element(paths);
  std::filesystem::remove(path);
  // Leads to itself.
  std::filesystem::create_symlink(path, path);
  const std::pair<const char*, const char*> asked[] = {
      {"SORT (SUBJECT) UTF-8 ALL", "* SORT 2\r\n"},
      {"THREAD REFERENCES UTF-8 ALL", "* THREAD (2)\r\n"},
      {"SEARCH HEADER X-A x", "* SEARCH 2\r\n"},
      {"SEARCH BODY x", "* SEARCH 2\r\n"}};
  for (const auto& one : asked) {
    CAPTURE(one.first);
    auto before = log.lines().size();
    CHECK(has(client.command(one.first), one.second));
    REQUIRE(log.lines().size() > before);
    CHECK(has(log.last(), "warning: ann: can't open " + path));
  }
}
