// CONDSTORE and QRESYNC as clients see them.
#include "common/base/text.h"
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

// The number after `word`, 0 if it is not there.
std::uint64_t number_after(const std::string& text, const std::string& word) {
  auto at = text.rfind(word);
  if (at == std::string::npos) return 0;
  auto digits = std::string_view(text).substr(at + word.size());
  return parse_number(digits.substr(0, digits.find_first_not_of("0123456789"))).value_or(0);
}

struct Box {
  LogCapture log;
  TestAccount account;
  explicit Box(int messages) {
    for (int i = 1; i <= messages; ++i) {
      account.deliver("Subject: " + std::to_string(i) + "\n\nx\n");
    }
  }
};

std::string modseqs(std::uint64_t value) { return std::to_string(value); }

}  // namespace

TEST_CASE("SELECT and STATUS tell the mod-sequence, and a client that asks is told it with flags") {
  Box box(3);
  Client client(box.account);
  auto selected = client.command("SELECT INBOX");
  auto highest = number_after(selected, "[HIGHESTMODSEQ ");
  CHECK(highest > 0);
  CHECK(has(client.command("STORE 1 +FLAGS (\\Seen)"), "* 1 FETCH (FLAGS (\\Seen \\Recent))"));
  auto fetched = client.command("FETCH 1 (MODSEQ)");
  CHECK(has(fetched, "* OK [HIGHESTMODSEQ "));
  auto modseq = number_after(fetched, "MODSEQ (");
  CHECK(modseq > highest);
  auto stored = client.command("STORE 2 +FLAGS (\\Seen)");
  CHECK(has(stored, "* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) MODSEQ ("));
  CHECK(number_after(stored, "MODSEQ (") > modseq);
  CHECK(number_after(client.command("STATUS INBOX (HIGHESTMODSEQ)"), "(HIGHESTMODSEQ ") ==
        number_after(stored, "MODSEQ ("));
  // Without a change there is no other mod-sequence.
  CHECK(number_after(client.command("STORE 2 +FLAGS (\\Seen)"), "MODSEQ (") ==
        number_after(stored, "MODSEQ ("));
  CHECK(has(client.command("STORE 3 +FLAGS.SILENT (\\Seen)"), "* 3 FETCH (UID 3 MODSEQ ("));
}

TEST_CASE("FETCH CHANGEDSINCE and SEARCH MODSEQ find what has changed") {
  Box box(4);
  Client client(box.account);
  auto highest = number_after(client.command("SELECT INBOX (CONDSTORE)"), "[HIGHESTMODSEQ ");
  client.command("STORE 2,4 +FLAGS (\\Flagged)");
  auto since = modseqs(highest);
  auto fetched = client.command("FETCH 1:* (FLAGS) (CHANGEDSINCE " + since + ")");
  CHECK_FALSE(has(fetched, "* 1 FETCH"));
  CHECK(has(fetched, "* 2 FETCH (FLAGS (\\Flagged \\Recent) MODSEQ ("));
  CHECK(has(fetched, "* 4 FETCH"));
  auto newest = number_after(fetched, "MODSEQ (");
  auto search = client.command("SEARCH MODSEQ " + modseqs(highest + 1));
  CHECK(has(search, "* SEARCH 2 4 (MODSEQ " + modseqs(newest) + ")\r\n"));
  CHECK(has(client.command("SEARCH MODSEQ \"/flags/\\\\flagged\" all " + modseqs(newest + 1)),
            "* SEARCH\r\n"));
  auto extended = client.command("UID SEARCH RETURN (MIN COUNT) MODSEQ " + modseqs(highest + 1));
  CHECK(has(extended, "UID MIN 2 COUNT 2 MODSEQ " + modseqs(newest) + "\r\n"));
  CHECK(has(client.command("SORT (REVERSE ARRIVAL) UTF-8 MODSEQ " + modseqs(highest + 1)),
            " (MODSEQ " + modseqs(newest) + ")\r\n"));
}

TEST_CASE("STORE UNCHANGEDSINCE leaves alone what another has changed, and says which") {
  Box box(3);
  Client client(box.account);
  auto since = modseqs(number_after(client.command("SELECT INBOX"), "[HIGHESTMODSEQ "));
  Client other(box.account);
  other.command("SELECT INBOX");
  other.command("STORE 2 +FLAGS (\\Answered)");
  auto stored =
      client.command("STORE 1:3 (UNCHANGEDSINCE " + since + ") +FLAGS.SILENT (\\Deleted)");
  CHECK(has(stored, "OK [MODIFIED 2] "));
  CHECK(has(stored, "* 1 FETCH (UID 1 MODSEQ ("));
  CHECK(has(stored, "* 3 FETCH (UID 3 MODSEQ ("));
  // What it was changed to is told as well, so that the client need not ask.
  CHECK(has(stored, "* 2 FETCH (UID 2 FLAGS (\\Answered"));
  CHECK(has(client.command("UID STORE 1:3 (UNCHANGEDSINCE 0) FLAGS ()"), "OK [MODIFIED 1:3] "));
  CHECK(has(client.command("SEARCH DELETED"), "* SEARCH 1 3\r\n"));
  // Each that is told is told once.
  auto told = client.command("STORE 1:3 (UNCHANGEDSINCE 0) FLAGS ()");
  CHECK_FALSE(has(told, "FETCH"));
  client.command("UID EXPUNGE 1");
  CHECK(has(client.command("UID STORE 2 (UNCHANGEDSINCE 0) FLAGS ()"), "OK [MODIFIED 2] "));
  CHECK(has(client.command("STORE 2 (UNCHANGEDSINCE 0) FLAGS ()"), "OK [MODIFIED 2] "));
}

TEST_CASE("after ENABLE QRESYNC expunges are told as VANISHED, with the new mod-sequence") {
  Box box(5);
  Client client(box.account);
  CHECK(has(client.command("ENABLE QRESYNC"), "* ENABLED CONDSTORE QRESYNC\r\n"));
  CHECK(has(client.command("ENABLE QRESYNC CONDSTORE"), "* ENABLED\r\n"));
  auto highest = number_after(client.command("SELECT INBOX"), "[HIGHESTMODSEQ ");
  client.command("STORE 2:3,5 +FLAGS.SILENT (\\Deleted)");
  auto expunged = client.command("EXPUNGE");
  CHECK(has(expunged, "* VANISHED 2:3,5\r\n"));
  CHECK_FALSE(has(expunged, "EXPUNGE\r\n*"));
  CHECK(number_after(expunged, "OK [HIGHESTMODSEQ ") > highest);
  CHECK(has(client.command("EXPUNGE"), "OK Expunge completed."));
  client.command("CREATE Other");
  auto moved = client.command("MOVE 1 Other");
  CHECK(has(moved, "* VANISHED 1\r\n"));
  CHECK(has(moved, "OK [HIGHESTMODSEQ "));
  client.command("STORE 1 +FLAGS (\\Deleted)");
  CHECK(client.command("CLOSE") == "OK Close completed.\r\n");
}

TEST_CASE("while expunges are kept back, the mod-sequence up to which a client knows all is told") {
  Box box(3);
  Client client(box.account);
  client.command("ENABLE QRESYNC");
  auto highest = number_after(client.command("SELECT INBOX"), "[HIGHESTMODSEQ ");
  Client other(box.account);
  other.command("SELECT INBOX");
  other.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  other.command("EXPUNGE");
  auto stored = client.command("STORE 3 +FLAGS (\\Seen)");
  CHECK(number_after(stored, "[HIGHESTMODSEQ ") == highest);
  CHECK_FALSE(has(client.command("UID SEARCH 2"), "VANISHED"));
  CHECK(has(client.command("UID SEARCH ALL"), "* VANISHED 1\r\n"));
}

TEST_CASE("an own change does not hide what another session has removed unseen") {
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    LogCapture log;
    TestAccount account(format);
    Client client(account);
    for (int i = 0; i < 3; ++i) append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
    client.command("ENABLE QRESYNC");
    auto highest = number_after(client.command("SELECT INBOX"), "[HIGHESTMODSEQ ");
    Client other(account);
    other.command("SELECT INBOX");
    other.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
    other.command("EXPUNGE");
    // The keyword is told before the mailbox is looked at again.
    auto stored = client.command("STORE 3 +FLAGS (Fresh)");
    CHECK(number_after(stored, "MODSEQ (") > highest);
    CHECK(number_after(stored, "[HIGHESTMODSEQ ") == highest);
    CHECK(has(client.command("NOOP"), "* VANISHED 1\r\n"));
  }
}

TEST_CASE(
    "a client that can't be told of changes, as the mailbox is locked, is told how far it knows") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  for (int i = 0; i < 3; ++i) append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
  client.command("ENABLE QRESYNC");
  auto highest = number_after(client.command("SELECT INBOX"), "[HIGHESTMODSEQ ");
  Client other(account);
  other.command("SELECT INBOX");
  other.command("STORE 1 +FLAGS.SILENT (\\Deleted Fresh)");
  other.command("EXPUNGE");
  auto lock = account.root() + "/inbox.lock";
  std::ofstream(lock) << "1:otherhost";
  auto told = client.command("NOOP");
  CHECK(number_after(told, "[HIGHESTMODSEQ ") == highest);
  CHECK_FALSE(has(told, "VANISHED"));
  std::filesystem::remove(lock);
  CHECK(has(client.command("NOOP"), "* VANISHED 1\r\n"));
}

TEST_CASE(
    "SELECT with QRESYNC tells what a client has missed, and nothing under another UIDVALIDITY") {
  Box box(6);
  std::string validity;
  std::uint64_t highest = 0;
  {
    Client client(box.account);
    auto selected = client.command("SELECT INBOX");
    highest = number_after(selected, "[HIGHESTMODSEQ ");
    validity = modseqs(number_after(selected, "[UIDVALIDITY "));
    client.command("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
    client.command("EXPUNGE");
    client.command("UID STORE 5 +FLAGS (\\Flagged)");
  }
  Client client(box.account);
  client.command("ENABLE QRESYNC");
  auto resync = [&](const std::string& arguments) {
    return client.command("SELECT INBOX (QRESYNC (" + arguments + "))");
  };
  auto all = resync(validity + " " + modseqs(highest));
  CHECK(has(all, "* VANISHED (EARLIER) 2,4\r\n* 3 FETCH (UID 5 FLAGS (\\Flagged) MODSEQ ("));
  CHECK_FALSE(has(all, "* 1 FETCH"));
  CHECK(all.find("VANISHED") > all.find("[HIGHESTMODSEQ"));
  auto some = resync(validity + " " + modseqs(highest) + " 1:3");
  CHECK(has(some, "* VANISHED (EARLIER) 2\r\n"));
  CHECK_FALSE(has(some, "FETCH"));
  // Earlier than what is remembered: all that is not there.
  CHECK(has(resync(validity + " 1"), "* VANISHED (EARLIER) 2,4\r\n"));
  CHECK(has(resync(validity + " 1 1:6 (1:2 1,3)"), "* VANISHED (EARLIER) 4\r\n"));
  CHECK_FALSE(has(resync(validity + " 1 1:6 (1:4 1,3,5:6)"), "VANISHED"));
  CHECK(has(resync(validity + " 1 1:6 (1:4 1,2,5:6)"), "* VANISHED (EARLIER) 2,4\r\n"));
  CHECK_FALSE(has(resync(validity + " 1 1,3:6 (1:3 1,3,5)"), "VANISHED"));
  CHECK(has(resync(validity + " 9223372036854775807"),
            "* VANISHED (EARLIER) 2,4\r\n* 1 FETCH (UID 1 "));
  auto other = resync("5 1");
  CHECK_FALSE(has(other, "VANISHED"));
  CHECK(has(other, "OK [READ-WRITE]"));
  // The same by a command.
  auto fetched =
      client.command("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + modseqs(highest) + " VANISHED)");
  CHECK(has(fetched, "* VANISHED (EARLIER) 2,4\r\n* 3 FETCH (UID 5 "));
}

TEST_CASE("QRESYNC asked for wrongly, or too early, is BAD and selects nothing") {
  Box box(1);
  Client client(box.account);
  CHECK(has(client.command("SELECT INBOX (QRESYNC (1 1))"), "BAD "));
  CHECK(has(client.command("FETCH 1 FLAGS"), "BAD No mailbox selected"));
  client.command("SELECT INBOX");
  CHECK(has(client.command("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"), "BAD "));
  client.command("ENABLE QRESYNC");
  for (const char* command :
       {"SELECT INBOX (QRESYNC 1)", "SELECT INBOX (QRESYNC (0 1))", "SELECT INBOX (QRESYNC (1 0))",
        "SELECT INBOX (QRESYNC (1 1 1:*))", "SELECT INBOX (QRESYNC (1 1 1 (1)))",
        "SELECT INBOX (QRESYNC (1 1) QRESYNC (1 1))", "SELECT INBOX (QRESYNC)",
        "FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "UID FETCH 1 FLAGS (VANISHED)",
        "FETCH 1 FLAGS (CHANGEDSINCE 0)", "FETCH 1 FLAGS (CHANGEDSINCE x)",
        "STORE 1 (UNCHANGEDSINCE -1) FLAGS ()",
        "STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 1) FLAGS ()", "SEARCH MODSEQ",
        "SEARCH MODSEQ \"/flags/x\" none 1", "SEARCH MODSEQ \"x\" all 1",
        "SELECT INBOX (CONDSTORE 1)"}) {
    CAPTURE(command);
    CHECK(has(client.command(command), "BAD "));
  }
}

TEST_CASE("whatever asks for mod-sequences has them told from then on, as RFC 7162 lists it") {
  Box box(2);
  for (const char* command :
       {"FETCH 1 (MODSEQ)", "FETCH 1 FLAGS (CHANGEDSINCE 1)", "SEARCH MODSEQ 1",
        "STORE 1 (UNCHANGEDSINCE 1) FLAGS ()", "STATUS INBOX (HIGHESTMODSEQ)",
        "SELECT INBOX (CONDSTORE)", "EXAMINE INBOX (CONDSTORE)", "ENABLE CONDSTORE"}) {
    CAPTURE(command);
    Client client(box.account);
    client.command("SELECT INBOX");
    CHECK_FALSE(has(client.command("STORE 2 +FLAGS (\\Seen)"), "MODSEQ"));
    client.command(command);
    if (has(command, "EXAMINE")) client.command("SELECT INBOX");
    CHECK(has(client.command("STORE 2 +FLAGS (\\Seen)"), " MODSEQ ("));
  }
}

TEST_CASE("the mod-sequence of an annotation is told once all messages are known") {
  Box box(3);
  Client client(box.account);
  client.command("ENABLE CONDSTORE");
  client.command("SELECT INBOX");
  Client other(box.account);
  other.command("SELECT INBOX");
  other.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  other.command("EXPUNGE");
  other.command("SETMETADATA INBOX (/shared/comment \"x\")");
  CHECK_FALSE(has(client.command("FETCH 2 UID"), "HIGHESTMODSEQ"));
  auto news = client.command("NOOP");
  CHECK(news.find("* 1 EXPUNGE") < news.find("HIGHESTMODSEQ"));
  CHECK(has(news, "HIGHESTMODSEQ"));
}
