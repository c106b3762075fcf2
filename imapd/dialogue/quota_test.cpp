// The quota as an admin sees and sets it. What every user sees: annotations_test.cpp.
#include <map>

#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

/// The users ann and bob, who has used 3 KiB in 2 messages.
class FakeDesk final : public QuotaDesk {
 public:
  Result<std::optional<store::Usage>> of(const std::string& user) override {
    if (!limits.contains(user)) return Error(550, ResponseCode::NonExistent, "No such quota root");
    const auto& [bytes, messages] = limits[user];
    if (bytes == 0 && messages == 0) return std::optional<store::Usage>();
    store::Usage usage;
    usage.bytes = 3000;
    usage.messages = 2;
    if (bytes != 0) usage.bytes_max = bytes;
    if (messages != 0) usage.messages_max = messages;
    return std::optional(usage);
  }
  Task<Result<void>> set(std::string admin, std::string user, SetLimits to) override {
    if (is_keeper_down) co_return Error::temporary("no keeper");
    asked.push_back(admin + " " + user);
    limits[user] = {to.bytes, to.messages};
    co_return Result<void>();
  }

  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> limits{
      {"ann", {10'240, 0}}, {"bob@example.test", {0, 0}}};
  std::vector<std::string> asked;
  bool is_keeper_down = false;
};

struct AdminAccount : TestAccount {
  explicit AdminAccount(FakeDesk& desk) {
    is_admin = true;
    quotas = &desk;
  }
};

}  // namespace

TEST_CASE("an admin sets and sees the quota of all users, by their roots") {
  LogCapture log;
  FakeDesk desk;
  AdminAccount account(desk);
  Client client(account);
  CHECK(has(client.greeting(), " QUOTASET "));
  CHECK(client.command("GETQUOTA \"User quota\"") ==
        "* QUOTA \"User quota\" (STORAGE 3 10)\r\nOK Getquota completed.\r\n");
  CHECK(has(client.command("GETQUOTAROOT INBOX"), "* QUOTA \"User quota\" (STORAGE 3 10)\r\n"));
  const std::string root = "\"bob@example.test:User quota\"";
  CHECK(client.command("GETQUOTA " + root).starts_with("NO [NONEXISTENT]"));
  CHECK(client.command("SETQUOTA " + root + " (STORAGE 512 MESSAGE 10)") ==
        "* QUOTA " + root + " (STORAGE 3 512 MESSAGE 2 10)\r\nOK Setquota completed.\r\n");
  CHECK(desk.limits["bob@example.test"] == std::pair<std::uint64_t, std::uint64_t>(524'288, 10));
  // RFC 9208 section 4.1.3: earlier limits are discarded.
  CHECK(client.command("SETQUOTA " + root + " (message 7)") ==
        "* QUOTA " + root + " (MESSAGE 2 7)\r\nOK Setquota completed.\r\n");
  CHECK(client.command("SETQUOTA " + root + " ()") == "OK Setquota completed.\r\n");
  CHECK(client.command("SETQUOTA \"User quota\" (STORAGE 20)") ==
        "* QUOTA \"User quota\" (STORAGE 3 20)\r\nOK Setquota completed.\r\n");
  CHECK(desk.asked.size() == 4);
  CHECK(desk.asked.front() == "ann bob@example.test");
  CHECK(desk.asked.back() == "ann ann");
}

TEST_CASE("a quota that can't be set is refused with the reason, and nothing is changed") {
  LogCapture log;
  FakeDesk desk;
  AdminAccount account(desk);
  Client client(account);
  struct Row {
    const char* arguments;
    const char* answer;
  };
  for (const auto& row : {
           Row{"nothing (STORAGE 1)", "NO [NONEXISTENT]"},
           Row{"\":User quota\" (STORAGE 1)", "NO [NONEXISTENT]"},
           Row{"\"zoe@example.test:User quota\" (STORAGE 1)", "NO [NONEXISTENT]"},
           Row{"\"User quota\" (MAILBOX 5)", "NO [CANNOT]"},
           Row{"\"User quota\" (STORAGE 0)", "NO [CANNOT]"},
           Row{"\"User quota\" (STORAGE 9223372036854775807)", "NO [LIMIT]"},
           Row{"\"User quota\" (MESSAGE 9223372036854775807)", "NO [LIMIT]"},
           Row{"\"User quota\" STORAGE 1", "BAD "},
           Row{"\"User quota\"", "BAD "},
       }) {
    CAPTURE(row.arguments);
    CHECK(client.command(std::string("SETQUOTA ") + row.arguments).starts_with(row.answer));
  }
  desk.is_keeper_down = true;
  CHECK(client.command("SETQUOTA \"User quota\" (STORAGE 1)").starts_with("NO "));
  CHECK(desk.asked.empty());
}

TEST_CASE("who is no admin is not told of QUOTASET, and may not use it") {
  LogCapture log;
  FakeDesk desk;
  TestAccount account;
  account.quotas = &desk;
  account.quota_bytes = 10'000;
  Client client(account);
  CHECK_FALSE(has(client.greeting(), "QUOTASET"));
  CHECK(client.command("SETQUOTA \"User quota\" (STORAGE 1)").starts_with("NO [NOPERM]"));
  CHECK(client.command("GETQUOTA \"bob@example.test:User quota\"").starts_with("NO [NONEXISTENT]"));
  CHECK(desk.asked.empty());
}
