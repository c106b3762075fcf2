// Searches that are kept up to date: UPDATE, ADDTO, REMOVEFROM, CANCELUPDATE.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

std::string letter(const std::string& subject) { return "Subject: " + subject + "\n\nx\n"; }

}  // namespace

TEST_CASE("a search that is followed tells which messages come to match, and which no longer do") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (const char* subject : {"a", "b", "c"}) append(client, "INBOX", letter(subject));
  client.command("SELECT INBOX");
  auto found = client.send("s1 UID SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n", "s1 ");
  CHECK(has(found, "* ESEARCH (TAG \"s1\") UID COUNT 0\r\ns1 OK "));
  // What the session does itself.
  auto stored = client.command("STORE 1:2 +FLAGS (\\Flagged)");
  CHECK(has(stored,
            "* 2 FETCH (FLAGS (\\Flagged \\Recent))\r\n"
            "* ESEARCH (TAG \"s1\") UID ADDTO (0 1:2)\r\n"));
  CHECK(has(client.command("STORE 1 -FLAGS.SILENT (\\Flagged)"),
            "* ESEARCH (TAG \"s1\") UID REMOVEFROM (0 1)\r\n"));
  // What others do.
  {
    auto other = account.open()->open(store::MailboxName::inbox(), store::Access::ReadWrite);
    REQUIRE(other.has_value());
    store::FlagChange change;
    change.flags = store::Flags(store::Flags::Flagged);
    std::vector<store::Uid> uids{store::Uid(3)};
    REQUIRE((*other)->store(uids, change).has_value());
  }
  CHECK(has(client.command("NOOP"), "* ESEARCH (TAG \"s1\") UID ADDTO (0 3)\r\n"));
  // An expunge is told of first.
  client.command("STORE 3 +FLAGS.SILENT (\\Deleted)");
  CHECK(has(client.command("EXPUNGE"),
            "* ESEARCH (TAG \"s1\") UID REMOVEFROM (0 3)\r\n* 3 EXPUNGE\r\n"));
  CHECK(client.command("CANCELUPDATE \"s1\"") == "OK No further updates.\r\n");
  CHECK_FALSE(has(client.command("STORE 1 +FLAGS (\\Flagged)"), "ESEARCH"));
}

TEST_CASE("a search that asks for nothing but updates is answered, and one for $ alone is not") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", letter("a"));
  client.command("SELECT INBOX");
  CHECK(client.send("s1 SEARCH RETURN (UPDATE) ALL\r\n", "s1 ") ==
        "* ESEARCH (TAG \"s1\")\r\ns1 OK Search completed.\r\n");
  CHECK(client.command("SEARCH RETURN (SAVE) ALL") == "OK Search completed.\r\n");
}

TEST_CASE("a new message that matches is told of behind its EXISTS, with the items asked for") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", letter("boss"));
  client.command("SELECT INBOX");
  client.send("s1 SEARCH RETURN (UPDATE (UID) COUNT) SUBJECT boss\r\n", "s1 ");
  client.send("s2 SEARCH RETURN (UPDATE) SUBJECT other\r\n", "s2 ");
  account.deliver(letter("boss again"));
  auto news = client.command("NOOP");
  auto exists = news.find("* 2 EXISTS\r\n");
  auto fetched = news.find("* 2 FETCH (UID 2)\r\n");
  auto added = news.find("* ESEARCH (TAG \"s1\") ADDTO (0 2)\r\n");
  CHECK(exists < fetched);
  CHECK(fetched < added);
  CHECK(added != std::string::npos);
  CHECK_FALSE(has(news, "\"s2\""));
  // RFC 9051 section 7.5.2: nobody asks for such a FETCH, so it has the UID.
  client.send("s4 SEARCH RETURN (UPDATE (RFC822.SIZE)) SUBJECT boss\r\n", "s4 ");
  account.deliver(letter("boss once more"));
  CHECK(has(client.command("NOOP"), "* 3 FETCH (UID 3 RFC822.SIZE "));
  // RFC 5465 section 7: not of one that comes to match by its flags.
  client.send("s3 SEARCH RETURN (UPDATE (UID)) FLAGGED\r\n", "s3 ");
  auto stored = client.command("STORE 1 +FLAGS (\\Flagged)");
  CHECK(has(stored, "* ESEARCH (TAG \"s3\") ADDTO (0 1)\r\n"));
  CHECK_FALSE(has(stored, "* 1 FETCH (UID 1)\r\n"));
}

TEST_CASE("a SORT that is followed puts messages where they belong") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (const char* subject : {"d", "b"}) append(client, "INBOX", letter(subject));
  client.command("SELECT INBOX");
  CHECK(has(client.send("s1 UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED\r\n", "s1 "),
            "UID ALL 2,1\r\n"));
  account.deliver(letter("c"));
  account.deliver(letter("a"));
  CHECK(has(client.command("NOOP"), "* ESEARCH (TAG \"s1\") UID ADDTO (1 4 3 3)\r\n"));
  // Now a b c d: the first two go, each from the first place.
  CHECK(has(client.command("UID STORE 2,4 +FLAGS (\\Deleted)"),
            "* ESEARCH (TAG \"s1\") UID REMOVEFROM (1 4 1 2)\r\n"));
}

TEST_CASE("numbers among the keys mean the messages that had them at first") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  for (const char* subject : {"a", "b", "c"}) append(client, "INBOX", letter(subject));
  client.command("SELECT INBOX");
  client.send("s1 UID SEARCH RETURN (UPDATE) 2 FLAGGED\r\n", "s1 ");
  client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  // What was 2 is 1 now.
  CHECK_FALSE(has(client.command("STORE 2 +FLAGS (\\Flagged)"), "ESEARCH"));
  CHECK(has(client.command("STORE 1 +FLAGS (\\Flagged)"), "UID ADDTO (0 2)\r\n"));
  // `$` as well, and what is negated stays so.
  client.command("STORE 1:2 -FLAGS.SILENT (\\Flagged)");
  client.command("SEARCH RETURN (SAVE) 1");
  client.send("s2 UID SEARCH RETURN (UPDATE) UID $ FLAGGED\r\n", "s2 ");
  client.send("s3 UID SEARCH RETURN (UPDATE) NOT 1 FLAGGED\r\n", "s3 ");
  client.command("SEARCH RETURN (SAVE) 2");
  auto told = client.command("STORE 1:2 +FLAGS (\\Flagged)");
  CHECK(has(told, "(TAG \"s2\") UID ADDTO (0 2)\r\n"));
  CHECK(has(told, "(TAG \"s3\") UID ADDTO (0 3)\r\n"));
}

TEST_CASE("a search that is followed learns of messages that its own client reads") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", letter("a"));
  client.command("SELECT INBOX");
  client.send("s1 SEARCH RETURN (UPDATE) UNSEEN\r\n", "s1 ");
  CHECK(has(client.command("FETCH 1 BODY[]"), "* ESEARCH (TAG \"s1\") REMOVEFROM (0 1)\r\n"));
}

TEST_CASE("too many searches are not followed, and a tag stands for one") {
  LogCapture log;
  TestAccount account;
  Client client(account, {"imap_contexts_max=1"});
  append(client, "INBOX", letter("a"));
  client.command("SELECT INBOX");
  client.send("s1 SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n", "s1 ");
  CHECK(
      has(client.send("s1 SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\n", "s1 "), "s1 BAD Tag reuse"));
  CHECK(has(client.send("s1 SEARCH RETURN (UPDATE) ALL\r\n", "s1 "), "s1 BAD Tag reuse"));
  auto refused = client.send("s2 SEARCH RETURN (UPDATE COUNT) ALL\r\n", "s2 ");
  CHECK(has(refused, "* ESEARCH (TAG \"s2\") COUNT 1\r\n* NO [NOUPDATE \"s2\"] "));
  CHECK(has(refused, "s2 OK "));
  CHECK(client.command("CANCELUPDATE \"s2\"").starts_with("BAD "));
  CHECK(client.command("CANCELUPDATE").starts_with("BAD "));
  CHECK(client.command("CANCELUPDATE \"s1\"").starts_with("OK "));
  // They end with the mailbox.
  client.send("s3 SEARCH RETURN (UPDATE COUNT) ALL\r\n", "s3 ");
  client.command("SELECT INBOX");
  CHECK(client.command("CANCELUPDATE \"s3\"").starts_with("BAD "));
  CHECK(has(client.command("SEARCH RETURN (UPDATE (UID) CONTEXT) ALL"), "\")\r\nOK "));
  CHECK(client.command("SEARCH RETURN (UPDATE ()) ALL").starts_with("BAD "));
}

TEST_CASE("under UIDONLY the results of an earlier search are kept up to date by UIDs") {
  TestAccount account;
  Client client(account, {"imap_capability=+UIDONLY"});
  append(client, "INBOX", "Subject: a\n\nx\n");
  append(client, "INBOX", "Subject: b\n\nx\n");
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Deleted)");
  client.command("EXPUNGE");
  client.command("SEARCH RETURN (UPDATE COUNT) KEYWORD follow");
  client.command("ENABLE UIDONLY");
  CHECK(has(client.command("UID STORE 2 +FLAGS (follow)"), ") UID ADDTO (0 2)\r\n"));
}
