#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/log/log.h"
#include "common/log/sink.h"
#include "imapd/command/table.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;
using namespace std::chrono_literals;

namespace {

const std::string first =
    "From: Ann <ann@example.org>\nSubject: first\nDate: Tue, 14 Nov 2023 22:13:20 +0000\n\nhello\n";
const std::string second = "From: Bob <bob@example.org>\nSubject: second\n\nworld\nwide\n";

/// Stops the session when it is at work on what it was sent, then lets go of the lock.
Task<> stop_later(Loop& loop, Session& session, std::string lock) {
  constexpr int turns = 100;
  for (int turn = 0; turn < turns; ++turn) co_await loop.turn_end();
  session.stop();
  std::filesystem::remove(lock);
}

Task<> pause(Loop& loop, Duration time) { co_await loop.sleep(time); }

}  // namespace

TEST_CASE("the login is answered with the capabilities that the table gives") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(client.greeting() ==
        "login OK [CAPABILITY IMAP4rev1 LITERAL+ CATENATE MULTIAPPEND URL-PARTIAL SASL-IR "
        "COMPRESS=DEFLATE "
        "CREATE-SPECIAL-USE ENABLE IMAP4rev2 UTF8=ACCEPT MULTISEARCH BINARY INPROGRESS PREVIEW "
        "SAVEDATE METADATA QUOTA "
        "QUOTA=RES-STORAGE QUOTA=RES-MESSAGE ID IDLE CHILDREN LIST-EXTENDED LIST-METADATA "
        "LIST-STATUS SPECIAL-USE MOVE NAMESPACE NOTIFY REPLACE CONTEXT=SEARCH ESEARCH PARTIAL "
        "SEARCHRES WITHIN CONDSTORE QRESYNC SORT SORT=DISPLAY CONTEXT=SORT ESORT I18NLEVEL=1 "
        "STATUS=SIZE THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS UIDPLUS UIDBATCHES "
        "UNAUTHENTICATE UNSELECT APPENDLIMIT=104857600 OBJECTID FILTER=SIEVE] Logged in\r\n");
  CHECK(has(client.command("CAPABILITY"), "* CAPABILITY IMAP4rev1 "));
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  CHECK(client.command("noop ") == "OK NOOP completed.\r\n");
  CHECK(client.command("NAMESPACE") ==
        "* NAMESPACE ((\"\" \".\")) NIL NIL\r\nOK Namespace completed.\r\n");
  CHECK(client.command("ID (\"name\" \"test\")") ==
        "* ID (\"name\" \"Pennypost\")\r\nOK ID completed.\r\n");
  CHECK(client.command("ENABLE X-OTHER") == "* ENABLED\r\nOK Enabled.\r\n");
  CHECK(client.command("LOGOUT") == "* BYE Logging out\r\nOK Logout completed.\r\n");
  client.hang_up();
  CHECK(has(log.last(), "Logged out"));
}

TEST_CASE("a mailbox is selected, described and closed") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(has(append(client, "INBOX", first), "app OK [APPENDUID "));
  auto opened = client.command("SELECT inbox");
  CHECK(has(opened, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"));
  CHECK(has(opened, "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)]"));
  CHECK(has(opened, "* 1 EXISTS\r\n"));
  CHECK(has(opened, "* OK [UNSEEN 1]"));
  CHECK(has(opened, "* OK [UIDVALIDITY "));
  CHECK(has(opened, "* OK [UIDNEXT 2]"));
  CHECK(has(opened, "\r\nOK [READ-WRITE] Select completed.\r\n"));
  CHECK(client.command("SELECT nowhere")
            .starts_with("* OK [CLOSED] Previous mailbox closed.\r\nNO [NONEXISTENT]"));
  CHECK(client.command("FETCH 1 FLAGS") == "BAD No mailbox selected\r\n");
  CHECK(has(client.command("EXAMINE INBOX"), "* OK [PERMANENTFLAGS ()]"));
  CHECK(client.command("STORE 1 +FLAGS (\\Seen)") == "NO [NOPERM] Mailbox is read-only.\r\n");
  CHECK(client.command("MOVE 1 Drafts") == "NO [NOPERM] Mailbox is read-only.\r\n");
  CHECK(client.command("UNSELECT") == "OK Unselect completed.\r\n");
  CHECK(client.command("CLOSE") == "BAD No mailbox selected\r\n");
}

TEST_CASE("FETCH gives every item") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  append(client, "INBOX", second);
  client.command("SELECT INBOX");
  CHECK(client.command("FETCH 1 (UID RFC822.SIZE)") ==
        "* 1 FETCH (UID 1 RFC822.SIZE 93)\r\nOK Fetch completed.\r\n");
  CHECK(has(client.command("FETCH 1 ENVELOPE"),
            "* 1 FETCH (ENVELOPE (\"Tue, 14 Nov 2023 22:13:20 +0000\" \"first\" "
            "((\"Ann\" NIL \"ann\" \"example.org\"))"));
  CHECK(client.command("FETCH 2 BODY.PEEK[TEXT]") ==
        "* 2 FETCH (BODY[TEXT] {13}\r\nworld\r\nwide\r\n)\r\nOK Fetch completed.\r\n");
  CHECK(client.command("FETCH 2 BODY.PEEK[TEXT]<3.4>") ==
        "* 2 FETCH (BODY[TEXT]<3> {4}\r\nld\r\n)\r\nOK Fetch completed.\r\n");
  CHECK(client.command("FETCH 2 BODY.PEEK[TEXT]<99.4>") ==
        "* 2 FETCH (BODY[TEXT]<99> {0}\r\n)\r\nOK Fetch completed.\r\n");
  CHECK(client.command("FETCH 2 BODY.PEEK[HEADER.FIELDS (subject x)]") ==
        "* 2 FETCH (BODY[HEADER.FIELDS (subject x)] {19}\r\nSubject: second\r\n\r\n)\r\nOK Fetch "
        "completed.\r\n");
  CHECK(has(client.command("FETCH 2 BODY.PEEK[HEADER.FIELDS (A B C D E F G H SUBJECT)]"),
            "{19}\r\nSubject: second\r\n\r\n)\r\n"));
  CHECK(client.command("FETCH 2 BODY.PEEK[HEADER.FIELDS.NOT (subject)]") ==
        "* 2 FETCH (BODY[HEADER.FIELDS.NOT (subject)] {31}\r\nFrom: Bob "
        "<bob@example.org>\r\n\r\n)\r\n"
        "OK Fetch completed.\r\n");
  CHECK(client.command("FETCH 2 (BODY BODY.PEEK[1] BODY.PEEK[2])") ==
        "* 2 FETCH (BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 13 2) "
        "BODY[1] {13}\r\nworld\r\nwide\r\n BODY[2] NIL)\r\nOK Fetch completed.\r\n");
  CHECK(has(client.command("FETCH 1:2 FAST"), "* 2 FETCH (FLAGS (\\Recent) INTERNALDATE \""));
  CHECK(has(client.command("FETCH 1:2 FAST"), "RFC822.SIZE "));
  CHECK(client.command("UID FETCH 2:* (FLAGS RFC822.HEADER)")
            .starts_with("* 2 FETCH (UID 2 FLAGS ("));
  CHECK(client.command("FETCH 3 FLAGS") == "BAD Invalid message number\r\n");
  CHECK(client.command("UID FETCH 99 FLAGS") == "OK Fetch completed.\r\n");
}

TEST_CASE("BODYSTRUCTURE is kept, so that the message is read only once for it") {
  TestAccount account;
  Client client(account);
  append(client, "INBOX", second);
  client.command("SELECT INBOX");
  auto structure = client.command("FETCH 1 BODYSTRUCTURE");
  CHECK(has(structure, "\"7bit\" 13 2"));
  for (const auto& file : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    std::ofstream(file.path()) << "Subject: other\n\nx\n";
  }
  CHECK(client.command("FETCH 1 BODYSTRUCTURE") == structure);
}

TEST_CASE("no literal holds NUL, even if the message does") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  account.deliver(std::string("Subject: a\0b\n\nc\0d\n", 18));
  client.command("SELECT INBOX");
  CHECK(client.command("FETCH 1 BODY.PEEK[]") ==
        "* 1 FETCH (BODY[] {21}\r\nSubject: a\x80"
        "b\r\n\r\nc\x80"
        "d\r\n)\r\nOK Fetch completed.\r\n");
  CHECK(has(client.command("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]"),
            "a\x80"
            "b\r\n"));
}

TEST_CASE("a message that can't be read is left out, and the client and the log learn why") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  append(client, "INBOX", second);
  client.command("SELECT INBOX");
  for (const auto& file : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    auto path = file.path();
    if (std::filesystem::file_size(path) > 80) continue;
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
  }
  auto fetched = client.command("FETCH 1:2 BODY.PEEK[TEXT]");
  CHECK(has(fetched, "* 1 FETCH (BODY[TEXT] "));
  CHECK_FALSE(has(fetched, "* 2 FETCH"));
  CHECK(has(fetched, "NO [UNAVAILABLE] That can't be done now; try again later."));
  CHECK(has(log.lines().back(), "ann: can't read the message: Is a directory"));
}

TEST_CASE("reading a body marks the message as seen and tells so, peeking does not") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  CHECK_FALSE(has(client.command("FETCH 1 BODY.PEEK[]"), "Seen"));
  CHECK(has(client.command("FETCH 1 BODY[]"), "hello\r\n FLAGS (\\Seen"));
  CHECK_FALSE(has(client.command("FETCH 1 BODY[]"), "FLAGS"));
  CHECK(has(client.command("FETCH 1 (FLAGS RFC822.TEXT)"), "FLAGS (\\Seen"));
}

TEST_CASE("STORE changes flags and tells them unless silent") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  append(client, "INBOX", second);
  client.command("SELECT INBOX");
  CHECK(has(client.command("STORE 1 +FLAGS (\\Flagged)"), "* 1 FETCH (FLAGS (\\Flagged"));
  CHECK(client.command("STORE 1:2 +FLAGS.SILENT (\\Answered)") == "OK Store completed.\r\n");
  auto keyword = client.command("UID STORE 2 FLAGS ($Work)");
  CHECK(has(keyword, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)"));
  CHECK(keyword.find("* FLAGS") == keyword.rfind("* FLAGS"));
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  CHECK(has(keyword, "* 2 FETCH (UID 2 FLAGS ("));
  CHECK(has(keyword, "$Work))"));
  CHECK(has(client.command("STORE 1 -FLAGS (\\Flagged \\Answered)"), "* 1 FETCH (FLAGS ("));
  CHECK(client.command("STORE 1 +FLAGS (\\Recent)") == "BAD Invalid system flag \\Recent\r\n");
  CHECK(client.command("STORE 1 +FLAGS (\\Foo)") == "BAD Invalid system flag \\Foo\r\n");
  CHECK(client.command("SEARCH KEYWORD $work") == "* SEARCH 2\r\nOK Search completed.\r\n");
}

TEST_CASE(
    "of a STORE that fails on the way even a client that asked for silence learns how far it "
    "went") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (int i = 0; i < 3; ++i) append(client, "INBOX", first);
  client.command("SELECT INBOX");
  client.command("STORE 1:3 FLAGS.SILENT (\\Seen)");
  // Where the second message's new name would be. The order of names is not that of messages.
  std::string base;
  std::ifstream list(account.root() + "/Maildir/dovecot-uidlist");
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with("2 ")) base = line.substr(line.find(" :") + 2);
  }
  base.resize(std::min(base.size(), base.find(":2,")));
  REQUIRE_FALSE(base.empty());
  std::string name;
  for (const auto& file : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    auto path = file.path().string();
    if (path.find('/' + base) != std::string::npos) name = path;
  }
  REQUIRE_FALSE(name.empty());
  std::filesystem::create_directory(name.insert(name.rfind(":2,") + 3, "F"));
  auto stored = client.command("STORE 1:3 +FLAGS.SILENT (\\Flagged)");
  CHECK(has(stored, "* 1 FETCH (FLAGS (\\Flagged \\Seen"));
  CHECK(has(stored, "* 2 FETCH (FLAGS (\\Seen"));
  CHECK(has(stored, "\r\nNO "));
}

TEST_CASE("a keyword is as long as the settings allow, and no longer") {
  TestAccount account;
  Client client(account, {"mail_max_keyword_length=5"});
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  CHECK(has(client.command("STORE 1 +FLAGS (abcde)"), "OK Store completed."));
  CHECK(client.command("STORE 1 +FLAGS (abcdef)").starts_with("NO [LIMIT] "));
  CHECK(
      client.send("a APPEND INBOX (abcdef) {5+}\r\nhello\r\n", "a ").starts_with("a NO [LIMIT] "));
}

TEST_CASE(
    "EXPUNGE tells numbers that stay right, and what another session removed comes with NOOP "
    "alone") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  Client other(account);
  for (int i = 0; i < 5; ++i) append(client, "INBOX", first);
  client.command("SELECT INBOX");
  other.command("SELECT INBOX");
  client.command("STORE 2,4:5 +FLAGS.SILENT (\\Deleted)");
  CHECK(client.command("UID EXPUNGE 1:4") ==
        "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 RECENT\r\nOK Expunge completed.\r\n");
  auto fetched = other.command("FETCH 5 FLAGS");
  CHECK(has(fetched, "* 5 FETCH (FLAGS ("));
  CHECK_FALSE(has(fetched, "EXPUNGE"));
  CHECK(other.command("FETCH 2 BODY.PEEK[]") ==
        "NO [EXPUNGEISSUED] Some of the requested messages no longer exist.\r\n");
  CHECK(other.command("STORE 2 +FLAGS (\\Seen)") ==
        "NO [EXPUNGEISSUED] The messages have been deleted.\r\n");
  CHECK(has(other.command("STORE 1:2 -FLAGS (\\Seen)"), "\r\nOK [EXPUNGEISSUED] Store completed"));
  CHECK(has(other.command("SORT (ARRIVAL) UTF-8 ALL"), "\r\nOK [EXPUNGEISSUED] Sort completed"));
  CHECK(has(other.command("NOOP"), "* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n"));
  CHECK(client.command("EXPUNGE") == "* 3 EXPUNGE\r\n* 2 RECENT\r\nOK Expunge completed.\r\n");
  CHECK(client.command("UID SEARCH ALL") == "* SEARCH 1 3\r\nOK Search completed.\r\n");
  client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  CHECK(client.command("CLOSE") == "OK Close completed.\r\n");
  CHECK(has(client.command("STATUS INBOX (MESSAGES)"), "(MESSAGES 1)"));
}

TEST_CASE("CLOSE closes though a message can't be removed, and says so") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  for (const auto& file : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    auto path = file.path();
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
  }
  auto closed = client.command("CLOSE");
  CHECK(closed.starts_with("* NO "));
  CHECK(has(closed, "\r\nOK Close completed.\r\n"));
  CHECK(client.command("CLOSE") == "BAD No mailbox selected\r\n");
}

TEST_CASE("a UID whose message has just gone is no error") {
  LogCapture log;
  TestAccount account;
  for (const char* gone : {"UID FETCH 1:2 FLAGS", "UID STORE 1:2 +FLAGS (\\Seen)"}) {
    Client client(account);
    Client other(account);
    client.command("CREATE box");
    append(client, "box", first);
    append(client, "box", first);
    client.command("SELECT box");
    other.command("SELECT box");
    client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
    client.command("EXPUNGE");
    auto answer = other.command(gone);
    CAPTURE(answer);
    CHECK(has(answer, "* 2 FETCH (UID 2 FLAGS ("));
    CHECK(has(answer, "\r\nOK "));
    client.command("DELETE box");
  }
}

TEST_CASE("COPY and MOVE name the UIDs on both sides") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (int i = 0; i < 3; ++i) append(client, "INBOX", first);
  client.command("SELECT INBOX");
  CHECK(client.command("COPY 1 Archive").starts_with("NO [TRYCREATE]"));
  CHECK(client.command("CREATE Archive").starts_with("OK [MAILBOXID ("));
  CHECK(has(client.command("COPY 1:2 Archive"), "OK [COPYUID "));
  CHECK(has(client.command("UID COPY 3 Archive"), " 3 3] Copy completed.\r\n"));
  CHECK(client.command("UID COPY 99 Archive") == "OK No messages found.\r\n");
  auto moved = client.command("MOVE 1,3 Archive");
  CHECK(moved.starts_with("* OK [COPYUID "));
  CHECK(has(moved,
            " 1,3 4:5] Moved UIDs.\r\n* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 RECENT\r\nOK Move "
            "completed.\r\n"));
  CHECK(has(client.command("STATUS Archive (MESSAGES UIDNEXT)"),
            "* STATUS Archive (MESSAGES 5 UIDNEXT 6)"));
}

TEST_CASE("COPY is all or none, UID COPY passes over what is gone") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  Client other(account);
  client.command("CREATE Archive");
  for (int i = 0; i < 3; ++i) append(client, "INBOX", first);
  client.command("SELECT INBOX");
  other.command("SELECT INBOX");
  client.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  const std::string gone = "NO [EXPUNGEISSUED] Some of the messages no longer exist.\r\n";
  const std::string status = "STATUS Archive (MESSAGES)";
  CHECK(other.command("COPY 1:3 Archive") == gone);
  CHECK(has(client.command(status), "(MESSAGES 0)"));
  // UID COPY does not wait with the news that the message is gone.
  auto copied = other.command("UID COPY 1:3 Archive");
  CHECK(has(copied, "* 2 EXPUNGE\r\n"));
  CHECK(has(copied, " 1,3 1:2] Copy completed.\r\n"));
  CHECK(other.command("UID COPY 2 Archive") == "OK No messages found.\r\n");
  client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  CHECK(has(other.command("MOVE 1:2 Archive"), gone));
  CHECK(has(client.command(status), "(MESSAGES 2)"));
  CHECK(has(other.command("MOVE 1 Archive"), " 3 3] Moved UIDs.\r\n* 1 EXPUNGE\r\n"));
}

TEST_CASE(
    "APPEND refuses a message for which there is no room before it comes, and while it comes") {
  TestAccount account;
  account.quota_bytes = 100'000;
  Client client(account, {"imap_append_spool_limit=300000"});
  CHECK(client.send("a APPEND INBOX {250000}\r\n", "a ").starts_with("a NO [OVERQUOTA]"));
  std::string text(250'000, 'x');
  CHECK(client.send("b APPEND INBOX {250000+}\r\n" + text + "\r\n", "b ")
            .starts_with("b NO [OVERQUOTA]"));
  CHECK(client.send("c APPEND INBOX {150000}\r\n", "+") == "+ OK\r\n");
  text.resize(150'000);
  CHECK(client.send(text + "\r\n", "c ").starts_with("c NO [OVERQUOTA]"));

  TestAccount other;
  Client next(other, {"imap_append_spool_limit=300000"});
  CHECK(next.send("a APPEND INBOX {300001}\r\n", "a ").starts_with("a NO [LIMIT]"));
  // All messages of a command count, and nothing is left of it afterwards.
  for (int i = 0; i < 2; ++i) {
    CHECK(has(next.send("b APPEND INBOX {150000+}\r\n" + text + " {200000}\r\n", "b "),
              "b NO [LIMIT]"));
    CHECK(has(
        next.send("c APPEND INBOX {150000+}\r\n" + text + " {150000+}\r\n" + text + "\r\n", "c "),
        "c OK [APPENDUID"));
  }
}

TEST_CASE("SEARCH and LIST take no more keys and patterns than the settings allow") {
  TestAccount account;
  account.deliver("Subject: x\n\nbody\n");
  Client client(account, {"imap_search_keys_max=16", "imap_list_patterns_max=2"});
  client.command("SELECT INBOX");
  std::string keys;
  for (int i = 0; i < 16; ++i) keys += i % 2 == 0 ? " (NOT DELETED)" : " OR BODY body SEEN";
  CHECK(client.command("SEARCH" + keys).find("NO [LIMIT]") != std::string::npos);
  keys.clear();
  for (int i = 0; i < 8; ++i) keys += " OR (NOT BODY x) BODY body";
  CHECK(client.command("SEARCH" + keys) == "* SEARCH 1\r\nOK Search completed.\r\n");
  // With SAVE such a NO, like any, empties what was kept.
  keys += " SEEN";
  for (const char* begin :
       {"SEARCH RETURN (SAVE)", "UID SORT RETURN (SAVE) (DATE) UTF-8", "ESEARCH RETURN (SAVE)"}) {
    CAPTURE(begin);
    client.command("SEARCH RETURN (SAVE) ALL");
    CHECK(client.command(begin + keys).starts_with("NO [LIMIT] "));
    CHECK(has(client.command("SEARCH $"), "* SEARCH\r\n"));
  }
  CHECK(has(client.command("LIST \"\" (% *)"), "OK List"));
  CHECK(has(client.command("LIST \"\" (% * x)"), "NO [LIMIT]"));
}

TEST_CASE("APPEND takes flags and a date, large messages and several at once") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("SELECT INBOX");
  auto kept =
      client.send("a APPEND INBOX (\\Seen $Kept) \"05-Nov-2023 10:00:00 +0000\" {4}\r\n", "+ OK");
  CHECK(kept == "+ OK\r\n");
  auto stored = client.send("x\r\n\n\r\n", "a ");
  CHECK(has(stored, "* 1 EXISTS\r\n"));
  CHECK(has(stored, "a OK [APPENDUID "));
  CHECK(has(client.command("FETCH 1 (FLAGS INTERNALDATE)"), "\\Seen"));
  CHECK(has(client.send("a2 APPEND INBOX \"3-Feb-2025 18:28:47 +0000\" {4+}\r\nx\r\n\n\r\n", "a2 "),
            "a2 OK [APPENDUID "));
  CHECK(has(client.command("FETCH 2 INTERNALDATE"), "\" 3-Feb-2025 18:28:47 +0000\""));
  CHECK(has(client.send("a3 APPEND INBOX \"35-Feb-2025 18:28:47 +0000\" {9000000}\r\n", "a3 "),
            "a3 BAD Invalid date \"35-Feb-2025 18:28:47 +0000\": expected one like"));
  client.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  std::string large = "Subject: large\r\n\r\n";
  while (large.size() < 300'000) large += "a line of a large message\r\n";
  auto two =
      client.send("b APPEND INBOX {" + std::to_string(large.size()) + "+}\r\n" + large +
                      " (\\Draft) {" + std::to_string(large.size()) + "+}\r\n" + large + "\r\n",
                  "b ");
  CHECK(has(two, " 3:4] Append completed."));
  auto fetched = client.command("FETCH 3 (FLAGS BODY.PEEK[])");
  CHECK(has(fetched, "\\Draft"));
  CHECK(has(fetched, "BODY[] {" + std::to_string(large.size()) + "}\r\n" + large + ")\r\n"));
  CHECK(client.send("c APPEND nowhere {100000}\r\n", "c ").starts_with("c NO [TRYCREATE]"));
  CHECK(append(client, "nowhere", first).starts_with("app NO [TRYCREATE]"));
  CHECK(append(client, "nowhere", large).starts_with("app NO [TRYCREATE]"));
  CHECK(client.send("d APPEND INBOX (\\Foo) {5+}\r\nhello\r\n", "d ") ==
        "d BAD Invalid system flag \\Foo\r\n");
  CHECK(client.send("e APPEND INBOX {0+}\r\n\r\n", "e ") ==
        "e NO Can't save a zero byte message.\r\n");
  CHECK(client.send("f APPEND INBOX\r\n", "f ").starts_with("f BAD"));
  CHECK(client.send("g APPEND INBOX {5+}\r\nhello x\r\n", "g ") ==
        "g BAD Expected the message as a literal\r\n");
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
}

TEST_CASE("IDLE tells of a delivery at once, and ends with DONE") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(client.send("i IDLE\r\n", "+") == "+ idling\r\n");
  account.deliver(first);
  CHECK(has(client.send("", "* 1 RECENT"), "* 1 EXISTS\r\n"));
  account.deliver(second);
  CHECK(has(client.send("", "* 2 RECENT"), "* 2 EXISTS\r\n"));
  CHECK(client.send("DONE\r\n", "i ") == "i OK Idle completed.\r\n");
  CHECK(client.send("j IDLE\r\n", "+") == "+ idling\r\n");
  CHECK(client.send("k NOOP\r\n", "j ") == "j BAD Expected DONE.\r\n");
  CHECK(client.send("k IDLE\r\n", "+") == "+ idling\r\n");
  CHECK(client.send("done\r\n", "k ") == "k OK Idle completed.\r\n");
  CHECK(client.send("l IDLE\r\n", "+") == "+ idling\r\n");
  CHECK(client.send("DONE" + std::string(100, ' ') + "\r\n", "l ") == "l BAD Expected DONE.\r\n");
}

TEST_CASE("IDLE without a mailbox waits for DONE, with a sign of life now and then") {
  LogCapture log;
  TestAccount account;
  Client client(account, {"imap_idle_notify_interval=1s"});
  CHECK(client.send("i IDLE\r\n", "+") == "+ idling\r\n");
  CHECK(client.send("", "*") == "* OK Still here\r\n");
  CHECK(client.send("DONE\r\n", "i ") == "i OK Idle completed.\r\n");
}

TEST_CASE("IDLE looks again at a mailbox whose lock goes without a sign") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  Descriptor other(::open((account.root() + "/inbox").c_str(), O_RDWR | O_APPEND));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  REQUIRE(::fcntl(other.number(), F_OFD_SETLK, &lock) == 0);
  REQUIRE(write_all(other.number(), "From ann Tue Nov 14 22:13:20 2023\n\nnew\n\n", "inbox"));
  client.send("i IDLE\r\n", "+");
  // It has found the lock by now, and of its end no watch tells.
  client.loop().run_until(pause(client.loop(), 300ms));
  lock.l_type = F_UNLCK;
  REQUIRE(::fcntl(other.number(), F_OFD_SETLK, &lock) == 0);
  CHECK(has(client.send("", "* 2 RECENT"), "* 2 EXISTS\r\n"));
}

TEST_CASE("what another program's lock keeps back is told once the lock is gone") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  auto lock = account.root() + "/Maildir/dovecot-uidlist.lock";
  std::ofstream(lock) << "1:otherhost";
  account.deliver(second);
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  CHECK(has(client.command("FETCH 1 BODY[TEXT]"), "hello"));
  client.send("i IDLE\r\n", "+");
  std::filesystem::remove(lock);
  CHECK(has(client.send("", "* 2 RECENT"), "* 2 EXISTS\r\n"));
  client.send("DONE\r\n", "i ");

  std::ofstream(lock) << "1:otherhost";
  std::thread other([&] {
    std::this_thread::sleep_for(300ms);
    std::filesystem::remove(lock);
  });
  CHECK(has(append(client, "INBOX", first), "* 3 EXISTS\r\n"));
  other.join();
}

TEST_CASE("CHECK waits for what a lock keeps back, NOOP does not") {
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    LogCapture log;
    TestAccount account(format);
    Client client(account);
    Client other(account);
    append(client, "INBOX", first);
    client.command("SELECT INBOX");
    append(other, "INBOX", second);
    bool is_mbox = format == TestAccount::Format::Mbox;
    // Of a Maildir only files that are not in the list yet are kept back.
    if (!is_mbox) account.deliver(second);
    auto lock = account.root() + (is_mbox ? "/inbox.lock" : "/Maildir/dovecot-uidlist.lock");
    std::ofstream(lock) << "1:otherhost";
    auto all = is_mbox ? "* 2 EXISTS\r\n" : "* 3 EXISTS\r\n";
    CHECK_FALSE(has(client.command("NOOP"), all));
    std::thread holder([&] {
      std::this_thread::sleep_for(300ms);
      std::filesystem::remove(lock);
    });
    CHECK(has(client.command("CHECK"), all));
    holder.join();
  }
}

TEST_CASE("a worker that stops lets the command under way be answered") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  auto lock = account.root() + "/Maildir/dovecot-uidlist.lock";
  std::ofstream(lock) << "1:otherhost";
  Nursery beside(client.loop());
  beside.start(stop_later(client.loop(), client.session(), lock));
  auto answer = client.send(
      "a APPEND INBOX {" + std::to_string(first.size()) + "+}\r\n" + first + "\r\n", "never");
  CHECK(has(answer, "a OK [APPENDUID "));
  CHECK(has(answer, "* BYE Server shutting down.\r\n"));
}

TEST_CASE("a worker that stops says BYE to an idling client") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("SELECT INBOX");
  client.send("i IDLE\r\n", "+");
  client.session().stop();
  CHECK(client.send("", "never") == "* BYE Server shutting down.\r\n(lost connection)");
  client.hang_up();
  CHECK(client.is_over());
  CHECK(has(log.last(), "Server shutting down."));
}

TEST_CASE("the log tells how many bytes a session has received and sent, large answers included") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  auto sent = client.greeting().size();
  sent += append(client, "INBOX", "A: b\r\n\r\n" + std::string(400'000, 'x') + "\r\n").size();
  sent += client.command("SELECT INBOX").size() + std::string_view("t1 ").size();
  sent += client.command("FETCH 1 BODY.PEEK[]").size() + std::string_view("t2 ").size();
  sent += client.command("LOGOUT").size() + std::string_view("t3 ").size();
  client.hang_up();
  CHECK(has(log.last(), "out=" + std::to_string(sent)));
}

TEST_CASE("nonsense is BAD, and too much of it ends the session") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  // What is right between counts for the client.
  for (int i = 0; i < 30; ++i) {
    CHECK(client.command("FOO") == "BAD Unknown command FOO\r\n");
    CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  }
  CHECK(client.command("LOGIN ann x") == "BAD Unknown command LOGIN\r\n");
  CHECK(client.command("NOOP x") == "BAD Unexpected extra arguments\r\n");
  CHECK(client.send("\r\n", "* BAD") == "* BAD Invalid tag\r\n");
  CHECK(client.send("x " + std::string(70000, 'y') + "\r\n", "x ") ==
        "x BAD Command line is too long\r\n");
  std::string many;
  for (int i = 0; i < 20; ++i) many += "x FOO\r\n";
  auto all = client.send(many, "never");
  CHECK(has(all, "* BYE Too many invalid IMAP commands.\r\n(lost connection)"));
}

TEST_CASE("a mailbox that can't be read just now ends no session; a lock alone is not logged") {
  LogCapture log;
  auto is_logged = [&] {
    return std::ranges::any_of(
        log.lines(), [](const std::string& line) { return has(line, "ann: sync of INBOX: "); });
  };
  {
    TestAccount account(TestAccount::Format::Mbox);
    account.lock_attempts = 1;
    Client client(account);
    append(client, "INBOX", first);
    client.command("SELECT INBOX");
    std::ofstream(account.root() + "/inbox.lock") << "1";
    std::ofstream(account.root() + "/inbox", std::ios::app)
        << "From ann Tue Nov 14 22:13:20 2023\n\nnew\n\n";
    CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
    CHECK_FALSE(is_logged());
    std::filesystem::remove(account.root() + "/inbox.lock");
    CHECK(has(client.command("NOOP"), "* 2 EXISTS\r\n"));
  }
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  client.command("SELECT INBOX");
  auto cur = account.root() + "/Maildir/cur";
  std::filesystem::rename(cur, cur + "-away");
  std::ofstream(cur) << "x";
  CHECK(client.command("NOOP") == "OK NOOP completed.\r\n");
  CHECK(is_logged());
  std::filesystem::remove(cur);
  std::filesystem::rename(cur + "-away", cur);
  CHECK(has(client.command("FETCH 1 BODY[TEXT]"), "hello"));
}

TEST_CASE(
    "UNAUTHENTICATE ends the session and leaves the connection as it was, with what came behind") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(has(append(client, "INBOX", first), "app OK"));
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Deleted)");
  CHECK(client.command("UNAUTHENTICATE now").starts_with("BAD "));
  CHECK(client.command("NOTIFY SET (selected (MessageNew (UID) MessageExpunge))")
            .ends_with("completed.\r\n"));
  CHECK_FALSE(client.session().is_logged_out());
  auto all = client.send("a UNAUTHENTICATE\r\nb LOGIN ann secret\r\n", "a ");
  CHECK(all == "a OK You are logged out, and may log in again.\r\n");
  CHECK(client.is_over());
  CHECK(client.session().is_logged_out());
  CHECK(client.left() == "b LOGIN ann secret\r\n");
  CHECK(has(log.last(), "Unauthenticated"));
  Client other(account);
  CHECK(has(other.command("SELECT INBOX"), "* 1 EXISTS"));
}

TEST_CASE("UNAUTHENTICATE is not taken where imap_capability hides it") {
  TestAccount account;
  Client client(account, {"imap_capability=-UNAUTHENTICATE"});
  CHECK(client.command("UNAUTHENTICATE") == "BAD Not offered to this user.\r\n");
  CHECK_FALSE(client.session().is_logged_out());
}

TEST_CASE("what an account's own imap_capability hides is neither told nor taken") {
  TestAccount account;
  account.hidden_capabilities = "-UNAUTHENTICATE,-QRESYNC,LITERAL+";
  Client client(account);
  CHECK(has(client.greeting(), "[CAPABILITY IMAP4rev1 LITERAL- "));
  for (const char* hidden : {"UNAUTHENTICATE", "QRESYNC"}) {
    CAPTURE(hidden);
    CHECK_FALSE(has(client.greeting(), hidden));
    CHECK_FALSE(has(client.command("CAPABILITY"), hidden));
  }
  CHECK(client.command("UNAUTHENTICATE") == "BAD Not offered to this user.\r\n");
  CHECK(has(client.command("ENABLE QRESYNC CONDSTORE"), "* ENABLED CONDSTORE\r\n"));
  CHECK(has(append(client, "INBOX", std::string(4097, 'x')), "app BAD [TOOBIG] "));
}

TEST_CASE("under LITERAL- a message of more than 4096 octets is not taken unasked") {
  TestAccount account;
  Client client(account, {"imap_capability=-LITERAL+"});
  CHECK(has(client.greeting(), "[CAPABILITY IMAP4rev1 LITERAL- "));
  std::string small(4096, 'x');
  CHECK(has(append(client, "INBOX", small), "app OK"));
  CHECK(has(append(client, "INBOX", small + "y"), "app BAD [TOOBIG] "));
  CHECK(has(client.send("b APPEND INBOX {4097}\r\n", "+ "), "+ OK"));
  CHECK(has(client.send(small + "y\r\n", "b "), "b OK"));
  CHECK(has(client.command("STATUS INBOX (MESSAGES)"), "(MESSAGES 2)"));
}
