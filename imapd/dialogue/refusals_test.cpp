// The response code in the NO of every command that names a mailbox, in both formats, and that no
// NO reveals where the mail is stored.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string message = "Subject: x\r\n\r\nhello\r\n";

std::string append_to(Client& client, const std::string& mailbox) {
  return client.send(
      "app APPEND " + mailbox + " {" + std::to_string(message.size()) + "+}\r\n" + message + "\r\n",
      "app ");
}

// `/` in a command stands for the format's separator.
std::string with_separator(std::string command, TestAccount::Format format) {
  if (format == TestAccount::Format::Maildir) std::ranges::replace(command, '/', '.');
  return command;
}

std::string tagged(const std::string& answer) {
  auto begin = answer.rfind('\n', answer.size() - 2);
  return begin == std::string::npos ? answer : answer.substr(begin + 1);
}

}  // namespace

TEST_CASE("a NO has the response code of its cause, the same in Maildir and mbox") {
  struct Row {
    const char* command;
    const char* answer;
  };
  const std::string long_name(300, 'x');
  const std::string create_long = "CREATE " + long_name;
  const Row rows[] = {
      {"CREATE INBOX", "NO [ALREADYEXISTS] "},
      {"CREATE inbox", "NO [ALREADYEXISTS] "},
      {"CREATE box", "NO [ALREADYEXISTS] "},
      {"CREATE top/below", "NO [ALREADYEXISTS] "},
      {"CREATE a//b", "NO [CANNOT] "},
      {"CREATE /a", "NO [CANNOT] "},
      {"CREATE &&", "NO [CANNOT] "},
      {create_long.c_str(), "NO [CANNOT] "},
      {"SELECT nowhere", "NO [NONEXISTENT] "},
      {"EXAMINE nowhere", "NO [NONEXISTENT] "},
      {"STATUS nowhere (MESSAGES)", "NO [NONEXISTENT] "},
      {"DELETE nowhere", "NO [NONEXISTENT] "},
      {"RENAME nowhere other", "NO [NONEXISTENT] "},
      {"RENAME nowhere/x other", "NO [NONEXISTENT] "},
      {"DELETE INBOX", "NO [CANNOT] "},
      {"RENAME box box", "NO [ALREADYEXISTS] "},
      {"RENAME box top/below", "NO [ALREADYEXISTS] "},
      {"RENAME INBOX box", "NO [ALREADYEXISTS] "},
      {"RENAME box box/inner", "NO [CANNOT] "},
      {"RENAME box a//b", "NO [CANNOT] "},
      {"SUBSCRIBE a//b", "NO [CANNOT] "},
      {"APPEND nowhere {3+}\r\nx\r\n", "NO [TRYCREATE] "},
      {"APPEND a//b {3+}\r\nx\r\n", "NO [CANNOT] "},
  };
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    LogCapture log;
    TestAccount account(format);
    Client client(account);
    client.command("CREATE box");
    client.command(with_separator("CREATE top/below", format));
    for (const auto& row : rows) {
      CAPTURE(row.command);
      auto answer = tagged(client.command(with_separator(row.command, format)));
      CHECK(answer.substr(0, std::string_view(row.answer).size()) == row.answer);
      CHECK(answer.find("/tmp") == std::string::npos);
    }
    append_to(client, "INBOX");
    client.command("SELECT INBOX");
    for (const char* verb : {"COPY 1 ", "UID COPY 1 ", "MOVE 1 ", "UID MOVE 1 "}) {
      CAPTURE(verb);
      CHECK(client.command(verb + std::string("nowhere")).starts_with("NO [TRYCREATE] "));
      CHECK(client.command(with_separator(verb + std::string("a//b"), format))
                .starts_with("NO [CANNOT] "));
    }
  }
}

TEST_CASE("a NO for a fault of this host names none of its files; the log does") {
  using Format = TestAccount::Format;
  struct Row {
    Format format;
    std::function<void(const std::string& root)> before;
    const char* command;
    const char* answer;
  };
  // The mail directory becomes a file; a folder becomes something else; a lock is held.
  auto no_directory = [](const std::string& path) {
    std::filesystem::remove_all(path);
    std::ofstream(path) << "x";
  };
  auto no_cur = [&](const std::string& root) { no_directory(root + "/Maildir/.box/cur"); };
  auto no_maildir = [&](const std::string& root) { no_directory(root + "/Maildir"); };
  auto no_mail = [&](const std::string& root) { no_directory(root + "/mail"); };
  auto no_mbox = [](const std::string& root) { std::ofstream(root + "/mail/box") << "words\n"; };
  auto locked = [](const std::string& root) { std::ofstream(root + "/mail/box.lock") << "1"; };
  auto spool_is_mail = [](const std::string& root) {
    std::ofstream(root + "/mail/.subscriptions.lock") << "1";
  };
  const Row rows[] = {
      {Format::Maildir, no_cur, "SELECT box", "NO [UNAVAILABLE] "},
      {Format::Maildir, no_cur, "STATUS box (MESSAGES)", "NO [UNAVAILABLE] "},
      {Format::Maildir, no_maildir, "LIST \"\" *", "NO [UNAVAILABLE] "},
      {Format::Maildir, no_maildir, "CREATE new", "NO [UNAVAILABLE] "},
      {Format::Maildir, no_maildir, "SUBSCRIBE new", "NO [UNAVAILABLE] "},
      {Format::Mbox, no_mbox, "SELECT box", "NO [CORRUPTION] "},
      {Format::Mbox, no_mbox, "STATUS box (MESSAGES)", "NO [CORRUPTION] "},
      {Format::Mbox, no_mbox, "APPEND box {3+}\r\nx\r\n", "NO [CORRUPTION] "},
      {Format::Mbox, locked, "SELECT box", "NO [INUSE] "},
      {Format::Mbox, locked, "DELETE box", "NO [INUSE] "},
      {Format::Mbox, locked, "RENAME box other", "NO [INUSE] "},
      {Format::Mbox, locked, "APPEND box {3+}\r\nx\r\n", "NO [INUSE] "},
      {Format::Mbox, spool_is_mail, "SUBSCRIBE box", "NO [INUSE] "},
      {Format::Mbox, no_mail, "CREATE new", "NO [UNAVAILABLE] "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.command);
    CAPTURE(row.answer);
    LogCapture log;
    TestAccount account(row.format);
    Client client(account);
    client.command("CREATE box");
    row.before(account.root());
    auto answer = tagged(client.command(row.command));
    CHECK(answer.substr(0, std::string_view(row.answer).size()) == row.answer);
    CHECK(answer.find("/tmp") == std::string::npos);
    REQUIRE_FALSE(log.lines().empty());
    CHECK(log.lines().back().find("ann: ") != std::string::npos);
    CHECK(log.lines().back().find(account.root()) != std::string::npos);
  }
}

TEST_CASE("one rule says which names a mailbox may have, whatever the command") {
  using Format = TestAccount::Format;
  struct Row {
    Format format;
    const char* name;
  };
  const Row rows[] = {
      {Format::Mbox, "box.lock"},       {Format::Mbox, ".imap"},
      {Format::Mbox, ".subscriptions"}, {Format::Mbox, ".imap/.pennypost/uidvalidity"},
      {Format::Mbox, "top/.x"},         {Format::Mbox, "top.lock/x"},
      {Format::Mbox, "../x"},           {Format::Maildir, ".DOVECOT-TRASHED"},
      {Format::Maildir, "a/b"},         {Format::Maildir, "../x"},
  };
  const char* commands[] = {
      "CREATE $",     "DELETE $",  "RENAME $ other",     "RENAME box $",          "RENAME INBOX $",
      "SELECT $",     "EXAMINE $", "SUBSCRIBE $",        "UNSUBSCRIBE $",         "COPY 1 $",
      "UID COPY 1 $", "MOVE 1 $",  "STATUS $ (UIDNEXT)", "APPEND $ {3+}\r\nx\r\n"};
  for (auto format : {Format::Mbox, Format::Maildir}) {
    LogCapture log;
    TestAccount account(format);
    Client client(account);
    client.command("CREATE box");
    append_to(client, "INBOX");
    auto before = client.command("LIST \"\" *");
    for (const auto& row : rows) {
      if (row.format != format) continue;
      for (std::string command : commands) {
        CAPTURE(row.name);
        CAPTURE(command);
        client.command("SELECT INBOX");
        command.replace(command.find('$'), 1, row.name);
        CHECK(tagged(client.command(command)).starts_with("NO [CANNOT] "));
      }
    }
    CHECK(client.command("LIST \"\" *") == before);
  }
}

TEST_CASE("LIST tells mboxes and their directories apart") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  CHECK(client.command("CREATE A/") == "OK Create completed.\r\n");
  CHECK(client.command("LIST \"\" *") ==
        "* LIST (\\HasNoChildren) \"/\" INBOX\r\n"
        "* LIST (\\Noselect \\HasNoChildren) \"/\" A\r\nOK List completed.\r\n");
  CHECK(client.command("CREATE A/b") == "OK Create completed.\r\n");
  CHECK(client.command("LIST \"\" A*") ==
        "* LIST (\\Noselect \\HasChildren) \"/\" A\r\n"
        "* LIST (\\NoInferiors \\HasNoChildren) \"/\" A/b\r\nOK List completed.\r\n");
  for (const char* command :
       {"SELECT A", "EXAMINE A", "STATUS A (MESSAGES)", "APPEND A {3+}\r\nx\r\n", "CREATE A/b/c",
        "CREATE A/b/c/", "RENAME INBOX A/b/c"}) {
    CAPTURE(command);
    CHECK(tagged(client.command(command)).starts_with("NO [CANNOT] "));
  }
  CHECK(client.command("DELETE A").starts_with("NO [HASCHILDREN] "));
  append_to(client, "INBOX");
  client.command("SELECT INBOX");
  CHECK(client.command("COPY 1 A").starts_with("NO [CANNOT] "));
  CHECK(client.command("LIST \"\" * RETURN (STATUS (MESSAGES))").find("STATUS A (") ==
        std::string::npos);
  CHECK(client.command("DELETE A/b") == "OK Delete completed.\r\n");
  CHECK(client.command("DELETE A") == "OK Delete completed.\r\n");
  CHECK(client.command("CREATE A") == "OK Create completed.\r\n");
}

TEST_CASE("a folder more than the account may have is refused with LIMIT, in Maildir and in mbox") {
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    LogCapture log;
    TestAccount account(format);
    account.folders_max = 3;
    Client client(account);
    CHECK(client.command("CREATE one").starts_with("OK"));
    CHECK(client.command("CREATE two").starts_with("OK"));
    CHECK(client.command("CREATE three").starts_with("NO [LIMIT] "));
  }
}
