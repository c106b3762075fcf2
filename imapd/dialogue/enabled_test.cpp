// What changes for a client that has enabled IMAP4rev2, UTF8=ACCEPT or UIDONLY.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string umlaut = "Entw\xc3\xbcrfe";

void deliver_two(TestAccount& account) {
  account.deliver(
      "Subject: Gr\xc3\xbc\xc3\x9f"
      "e\nContent-Type: text/plain; charset=utf-8\n\nx\n");
  account.deliver("Subject: two\n\ny\n");
}

}  // namespace

TEST_CASE("ENABLE tells what is new, each once, and nothing that CAPABILITY does not name") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(has(client.command("ENABLE imap4REV2 X-NONE UIDONLY"), "* ENABLED IMAP4rev2\r\n"));
  CHECK(has(client.command("ENABLE IMAP4rev2 utf8=accept QRESYNC"),
            "* ENABLED CONDSTORE QRESYNC UTF8=ACCEPT\r\n"));
  CHECK(has(client.command("ENABLE IMAP4rev2 UTF8=ACCEPT"), "* ENABLED\r\n"));
  Client other(account, {"imap_capability=-IMAP4rev2 -qresync +UIDONLY"});
  CHECK_FALSE(has(other.greeting(), "IMAP4rev2"));
  CHECK(has(other.greeting(), " UIDONLY]"));
  CHECK(has(other.command("ENABLE IMAP4rev2 QRESYNC CONDSTORE UIDONLY"),
            "* ENABLED CONDSTORE UIDONLY\r\n"));
}

TEST_CASE("a client of IMAP4rev2 is told of no \\Recent, and SELECT tells it the mailbox's name") {
  LogCapture log;
  TestAccount account;
  deliver_two(account);
  Client client(account);
  client.command("ENABLE IMAP4rev2");
  auto answer = client.command("SELECT inbox");
  CHECK(has(answer, "* LIST () \".\" INBOX\r\n"));
  CHECK(has(answer, "* 2 EXISTS\r\n"));
  CHECK_FALSE(has(answer, "RECENT"));
  CHECK_FALSE(has(answer, "UNSEEN"));
  CHECK(has(client.command("FETCH 1 FLAGS"), "* 1 FETCH (FLAGS ())\r\n"));
  CHECK(has(client.command("STORE 1 +FLAGS (\\Seen)"), "* 1 FETCH (FLAGS (\\Seen))\r\n"));
  account.deliver("Subject: three\n\nz\n");
  auto news = client.command("NOOP");
  CHECK(has(news, "* 3 EXISTS\r\n"));
  CHECK_FALSE(has(news, "RECENT"));
  // One that has not enabled it is told.
  Client old(account);
  CHECK(has(old.command("SELECT INBOX"), " RECENT\r\n"));
}

TEST_CASE("a client of IMAP4rev2 is told the UID with flags that it has not asked for") {
  LogCapture log;
  TestAccount account;
  deliver_two(account);
  Client client(account);
  client.command("ENABLE IMAP4rev2");
  client.command("SELECT INBOX");
  Client old(account);
  old.command("SELECT INBOX");
  old.command("STORE 2 FLAGS (\\Flagged)");
  CHECK(has(client.command("NOOP"), "* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n"));
  CHECK(has(client.command("STORE 2 FLAGS (\\Draft)"), "* 2 FETCH (FLAGS (\\Draft))\r\n"));
  CHECK(has(old.command("NOOP"), "* 2 FETCH (FLAGS (\\Draft))\r\n"));
}

TEST_CASE("with IMAP4rev2 the answer to SEARCH is ESEARCH, and texts are in UTF-8") {
  LogCapture log;
  TestAccount account;
  deliver_two(account);
  Client client(account);
  client.command("ENABLE IMAP4rev2");
  client.command("SELECT INBOX");
  CHECK(client.command("SEARCH ALL").starts_with("* ESEARCH (TAG \"t3\") ALL 1:2\r\n"));
  CHECK(client.command("UID SEARCH ANSWERED").starts_with("* ESEARCH (TAG \"t4\") UID\r\n"));
  CHECK(has(client.command("SEARCH RETURN (COUNT) ALL"), " COUNT 2\r\n"));
  CHECK(has(client.command("SEARCH SUBJECT \"gr\xc3\xbc\xc3\x9f\""), " ALL 1\r\n"));
  CHECK(has(client.command("SEARCH CHARSET UTF-8 SUBJECT \"gr\xc3\xbc\""), " ALL 1\r\n"));
  client.command("ENABLE UTF8=ACCEPT");
  CHECK(has(client.command("SEARCH SUBJECT \"gr\xc3\xbc\""), " ALL 1\r\n"));
  CHECK(client.command("SEARCH SUBJECT {2+}\r\n\xc3x") ==
        "BAD A text of SEARCH is not valid in its charset\r\n");
  CHECK(client.command("SEARCH CHARSET UTF-8 ALL").starts_with("BAD "));
}

TEST_CASE("names of mailboxes are in UTF-8 for who has enabled it, and for no one else") {
  LogCapture log;
  TestAccount account;
  for (const char* extension : {"IMAP4rev2", "UTF8=ACCEPT"}) {
    CAPTURE(extension);
    Client client(account);
    client.command("ENABLE " + std::string(extension));
    client.command("CREATE \"" + umlaut + "\"");
    CHECK(has(client.command("LIST \"\" Entw%"), " \"" + umlaut + "\"\r\n"));
    CHECK(has(client.command("LIST \"\" \"*\xc3\xbcrfe\""), " \"" + umlaut + "\"\r\n"));
    CHECK(has(client.command("LIST \"\" Entw% RETURN (STATUS (MESSAGES))"),
              "* STATUS \"" + umlaut + "\" (MESSAGES 0)\r\n"));
    CHECK(client.command("SELECT \"" + umlaut + "\"").ends_with("Select completed.\r\n"));
    client.command("SUBSCRIBE {9+}\r\n" + umlaut);
    CHECK(has(client.command("LSUB \"\" *"), "\"" + umlaut + "\"\r\n"));
    // A `&` is one, and bytes that are no UTF-8 name nothing.
    CHECK(client.command("CREATE a&b").starts_with("OK "));
    CHECK(has(client.command("LIST \"\" a&%"), " a&b\r\n"));
    CHECK(client.command("CREATE \"\xff\"").starts_with("NO [CANNOT] "));
    client.command("DELETE a&b");
    CHECK(has(client.command("STATUS \"" + umlaut + ".x\" (MESSAGES)"), umlaut + ".x\r\n"));
    Client old(account);
    CHECK(has(old.command("STATUS Entw&APw-rfe.x (MESSAGES)"), ": Entw&APw-rfe.x\r\n"));
    CHECK(has(old.command("LIST \"\" Entw%"), " Entw&APw-rfe\r\n"));
    CHECK(has(old.command("STATUS Entw&APw-rfe (MESSAGES)"), "* STATUS Entw&APw-rfe "));
    client.command("DELETE \"" + umlaut + "\"");
  }
}

TEST_CASE("a name is Net-Unicode when it is given, and any name that is there can be used") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("ENABLE IMAP4rev2");
  const std::string decomposed = "Entwu\xcc\x88rfe";
  auto refused = client.command("CREATE \"" + decomposed + "\"");
  CHECK(refused.starts_with("NO [CANNOT] "));
  CHECK(has(refused, umlaut));
  client.command("CREATE old");
  CHECK(client.command("RENAME old \"" + decomposed + "\"").starts_with("NO [CANNOT] "));
  for (const char* control : {"\xc2\x80", "\xc2\x9f", "\xe2\x80\xa8", "\xe2\x80\xa9"}) {
    CAPTURE(control);
    auto name = "\"a" + std::string(control) + "b\"";
    CHECK(client.command("CREATE " + name).starts_with("NO [CANNOT] "));
    CHECK(client.command("RENAME old " + name).starts_with("NO [CANNOT] "));
  }
  CHECK(client.command("CREATE \"a\xc2\xa0\xe2\x80\xa7\"").starts_with("OK "));
  CHECK(has(client.command("RENAME old new"), "* LIST () \".\" new (\"OLDNAME\" (old))\r\n"));
  CHECK(has(client.command("CREATE inbox.Sub"),
            "* LIST () \".\" INBOX.Sub (\"OLDNAME\" (inbox.Sub))\r\n"));
  CHECK_FALSE(has(client.command("CREATE plain"), "OLDNAME"));
  // In modified UTF-7 names may be decomposed, as those of other programs are.
  Client other(account);
  CHECK(other.command("CREATE Entwu&Awg-rfe").starts_with("OK "));
  CHECK(other.command("CREATE a&AIU-b").starts_with("NO [CANNOT] "));
  CHECK(client.command("SELECT \"" + decomposed + "\"").ends_with("Select completed.\r\n"));
}

TEST_CASE("after ENABLE UIDONLY messages are named by UID alone") {
  LogCapture log;
  TestAccount account;
  deliver_two(account);
  Client client(account, {"imap_capability=+UIDONLY"});
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Deleted)");
  client.command("EXPUNGE");
  client.command("SEARCH RETURN (SAVE) ALL");
  CHECK(has(client.command("ENABLE UIDONLY"), "* ENABLED UIDONLY\r\n"));
  CHECK(has(client.command("UID FETCH 1:* FLAGS"), "* 2 UIDFETCH (FLAGS (\\Recent))\r\n"));
  CHECK(has(client.command("UID FETCH 2 (UID BODY[])"), "* 2 UIDFETCH (UID 2 BODY[] {"));
  CHECK(has(client.command("UID STORE 2 +FLAGS (\\Deleted)"), "* 2 UIDFETCH (FLAGS ("));
  CHECK_FALSE(has(client.command("SELECT INBOX"), "UNSEEN"));
  client.command("CREATE box");
  for (const char* command :
       {"FETCH 1 FLAGS", "STORE 1 FLAGS ()", "SEARCH ALL", "SORT (DATE) UTF-8 ALL", "COPY 1 box",
        "MOVE 1 box", "THREAD REFS UTF-8 ALL", "UID SEARCH 1", "UID SORT (DATE) UTF-8 1",
        "FETCH $ FLAGS", "COPY * box", "UID SEARCH *", "UID SEARCH OR SEEN (NOT 1:3)",
        "UID THREAD REFS UTF-8 1:2", "ESEARCH IN (selected) 1", "REPLACE $ INBOX {3+}\r\nx\r\n",
        "REPLACE 1 INBOX {3+}\r\nx\r\n"}) {
    CAPTURE(command);
    CHECK(client.command(command).starts_with("BAD [UIDREQUIRED] "));
  }
  CHECK(has(client.command("UID SEARCH UID 1:*"), "* SEARCH 2\r\n"));
  CHECK(has(client.command("EXPUNGE"), "* VANISHED 2\r\n"));
  // So it is with what others do, and with what NOTIFY tells.
  client.command("NOTIFY SET (selected-delayed (MessageNew (FLAGS) MessageExpunge FlagChange))");
  account.deliver("Subject: three\n\nz\n");
  account.deliver("Subject: four\n\nz\n");
  CHECK(has(client.command("NOOP"), "* 4 UIDFETCH (FLAGS ("));
  Client other(account);
  other.command("SELECT INBOX");
  other.command("STORE 1 +FLAGS (\\Flagged)");
  CHECK(has(client.command("NOOP"), "* 3 UIDFETCH (FLAGS (\\Flagged"));
  other.command("UID MOVE 3 box");
  CHECK(has(client.command("NOOP"), "* VANISHED 3\r\n"));
  CHECK(has(client.command("UID MOVE 4 box"), " Moved UIDs.\r\n* VANISHED 4\r\n"));
  client.command("ENABLE QRESYNC");
  auto matching = client.command("SELECT box (QRESYNC (1 1 (1 1)))");
  CHECK(matching.starts_with("BAD [UIDREQUIRED] "));
  CHECK(client.command("SELECT INBOX (QRESYNC (1 1 1 (1 1)))").starts_with("BAD [UIDREQUIRED] "));
}

TEST_CASE("UIDBATCHES divides a mailbox into ranges without gaps, the newest first") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += " {3+}\r\nx\r\n";
  client.send("x APPEND INBOX" + many + "\r\n", "x ");
  client.send("x APPEND INBOX {3+}\r\nx\r\n\r\n", "x ");
  client.command("SELECT INBOX");
  auto batches = [&](const std::string& arguments) {
    auto answer = client.command("UIDBATCHES " + arguments);
    auto begin = answer.find(')');
    return begin == std::string::npos ? answer
                                      : answer.substr(begin + 1, answer.find('\r') - begin - 1);
  };
  CHECK(batches("500") == " 1001:502,501:2,1:1");
  CHECK(batches("2000") == " 1001:1");
  CHECK(batches("500 2:3") == " 501:2,1:1");
  CHECK(batches("500 4:9").empty());
  client.command("UID STORE 1:2,502 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  CHECK(batches("500") == " 1001:501,500:1");
  CHECK(batches("499").starts_with("NO [TOOFEW] "));
  CHECK(batches("500 1:201").starts_with("NO [TOOMANY] "));
  CHECK(batches("500 3:2").starts_with("BAD [CLIENTBUG] "));
  for (const char* bad : {"", "0", "x", "500 1", "500 0:1", "500 1:2 3", "500 1:*"}) {
    CAPTURE(bad);
    CHECK(batches(bad).starts_with("BAD "));
  }
  client.command("SELECT Drafts");
  CHECK(client.command("CREATE empty").starts_with("OK "));
  client.command("SELECT empty");
  CHECK(has(client.command("UIDBATCHES 500"), "* UIDBATCHES (TAG \"t"));
  CHECK(batches("500").empty());
}

TEST_CASE("a command that takes long says with its tag that it goes on, and how far it is") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  account.sign_interval = Duration(30);
  Client client(account);
  append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
  client.command("CREATE box");
  client.command("SELECT INBOX");
  // Another program holds the lock for as long as we wait.
  std::ofstream(account.root() + "/mail/box.lock") << "1";
  auto answer = client.command("COPY 1 box");
  CHECK(has(answer, "* OK [INPROGRESS (\"t3\" NIL NIL)] Still copying.\r\n"));
  CHECK(has(answer, "\r\nNO [INUSE] "));
}

TEST_CASE("signs of life come at their interval, not with each step of a command") {
  LogCapture log;
  TestAccount account;
  account.sign_interval = Duration(20);
  for (int i = 0; i < 30; ++i) {
    account.deliver("Subject: x\n\n" + std::string(1 << 20, 'x') + "\n");
  }
  Client client(account);
  client.command("SELECT INBOX");
  auto begin = std::chrono::steady_clock::now();
  auto answer = client.command("SEARCH BODY y");
  auto spent = std::chrono::steady_clock::now() - begin;
  int signs = 0;
  for (auto at = answer.find("[INPROGRESS"); at != std::string::npos;
       at = answer.find("[INPROGRESS", at + 1)) {
    ++signs;
  }
  CHECK(signs >= 1);
  CHECK(signs <= spent / account.sign_interval);
}

TEST_CASE("a long command ends when its client has gone") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  account.lock_attempts = 1000;
  Client client(account);
  append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
  client.command("SELECT INBOX");
  std::ofstream(account.root() + "/inbox.lock") << "1";
  auto begin = std::chrono::steady_clock::now();
  client.start("SEARCH BODY x");
  client.hang_up();
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE(
    "a client that has sent its last command may still read the answers, which a sign shows") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  account.lock_attempts = 30;
  Client client(account);
  append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
  client.command("SELECT INBOX");
  std::ofstream(account.root() + "/inbox.lock") << "1";
  client.start("SEARCH BODY x\r\nb NOOP");
  client.end_input();
  auto answers = client.send("", "b ");
  CHECK(has(answers, "* OK [INPROGRESS (\"s\" "));
  CHECK(has(answers, "\r\ns NO [INUSE] "));
  CHECK(has(answers, "\r\nb OK "));
}

TEST_CASE("while a command goes on, only so much is read of what the client sends ahead") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  account.lock_attempts = 1000;
  Client client(account);
  append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
  client.command("SELECT INBOX");
  std::ofstream(account.root() + "/inbox.lock") << "1";
  client.start("SEARCH BODY x");
  auto wait = [](Loop& loop, Duration time) -> Task<> { co_await loop.sleep(time); };
  client.loop().run_until(wait(client.loop(), Duration(100)));
  client.start("NOOP " + std::string(200'000, 'y'));
  // It looks for more after a third of a second or so.
  client.loop().run_until(wait(client.loop(), Duration(1000)));
  CHECK(client.left().size() == 65'536);
  client.hang_up();
}
