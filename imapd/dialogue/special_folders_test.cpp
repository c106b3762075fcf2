#include "imapd/session/special_folders.h"

#include <doctest/doctest.h>

#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

using Format = TestAccount::Format;

bool has_all(const std::string& listing) {
  for (const char* name : {"Drafts", "Sent", "Junk", "Trash", "Archive"}) {
    if (listing.find(std::string(" ") + name + "\r\n") == std::string::npos) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("the special folders are there from the first login on, whatever its first command") {
  for (auto format : {Format::Maildir, Format::Mbox}) {
    for (const char* first : {"APPEND Sent {3+}\r\nx\r\n", "CREATE Work", "SELECT Drafts",
                              "SUBSCRIBE Work", "LIST \"\" *", "NOOP"}) {
      CAPTURE(first);
      LogCapture log;
      TestAccount account(format);
      account.has_special_folders = true;
      Client client(account);
      auto answer = client.command(first);
      CHECK(answer.find("OK ") != std::string::npos);
      CHECK(answer.find("NO ") == std::string::npos);
      CHECK(has_all(client.command("LIST \"\" *")));
      CHECK(has_all(client.command("LSUB \"\" *")));
    }
  }
}

TEST_CASE("folders that the user has removed or unsubscribed stay so at the next login") {
  LogCapture log;
  TestAccount account;
  account.has_special_folders = true;
  {
    Client client(account);
    CHECK(client.command("DELETE Junk") == "OK Delete completed.\r\n");
    for (const char* name : {"Drafts", "Sent", "Junk", "Trash", "Archive"}) {
      client.command(std::string("UNSUBSCRIBE ") + name);
    }
    client.hang_up();
  }
  Client again(account);
  CHECK(again.command("LIST \"\" Junk") == "OK List completed.\r\n");
  CHECK(again.command("LSUB \"\" *") == "OK Lsub completed.\r\n");
}

TEST_CASE(
    "an account with folders of its own gets none, one that was begun gets the missing ones") {
  const std::vector<std::string> uses{"Sent", "Trash", "Old=\\Archive"};
  auto names = [](store::MailStore& store) {
    std::string text;
    auto folders = store.list();
    REQUIRE(folders);
    for (const auto& folder : *folders)
      text += folder.name.text() + (folder.subscribed ? "+ " : " ");
    return text;
  };
  TestAccount other;
  auto store = other.open();
  REQUIRE(store->create(*store->parse_name("Work")));
  REQUIRE(make_special_folders(*store, uses));
  CHECK(names(*store) == "INBOX Work ");

  TestAccount begun;
  store = begun.open();
  REQUIRE(store->create(*store->parse_name("Trash")));
  REQUIRE(make_special_folders(*store, uses));
  CHECK(names(*store) == "INBOX Old+ Sent+ Trash+ ");
}

TEST_CASE("a login succeeds though the special folders can't be made, and the log says why") {
  LogCapture log;
  TestAccount account;
  account.has_special_folders = true;
  account.folders_max = 3;
  Client client(account);
  CHECK(client.greeting().find("Logged in") != std::string::npos);
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  REQUIRE_FALSE(log.lines().empty());
  CHECK(log.lines().front().find("ann: imap_special_use: There are 3 folders already") !=
        std::string::npos);
}
