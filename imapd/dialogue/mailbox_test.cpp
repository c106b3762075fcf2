// The commands on mailboxes and their names, and what becomes of a session whose mailbox goes.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string message = "Subject: x\n\nhello\n";

}  // namespace

TEST_CASE("LIST, LSUB and the commands on names") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(client.command("LIST \"\" \"\"") ==
        "* LIST (\\Noselect) \".\" \"\"\r\nOK List completed.\r\n");
  CHECK(client.command("CREATE a.b.c").starts_with("OK [MAILBOXID ("));
  CHECK(client.command("CREATE Sent.").starts_with("OK [MAILBOXID ("));
  CHECK(client.command("CREATE Entw&APw-rfe").starts_with("OK [MAILBOXID ("));
  CHECK(client.command("CREATE &&") == "NO [CANNOT] Mailbox name is not valid modified UTF-7\r\n");
  CHECK(client.command("CREATE a.b.c").starts_with("NO [ALREADYEXISTS]"));
  auto all = client.command("LIST \"\" *");
  CHECK(has(all, "* LIST (\\HasNoChildren) \".\" INBOX\r\n"));
  CHECK(has(all, "* LIST (\\HasNoChildren \\Sent) \".\" Sent\r\n"));
  CHECK(has(all, "* LIST (\\HasNoChildren) \".\" Entw&APw-rfe\r\n"));
  CHECK(has(all, " \".\" a.b.c\r\n"));
  auto top = client.command("LIST \"\" %");
  CHECK(has(top, "\\HasChildren) \".\" a\r\n"));
  CHECK_FALSE(has(top, "a.b"));
  CHECK(client.command("SUBSCRIBE a.b.c") == "OK Subscribe completed.\r\n");
  CHECK(client.command("LSUB \"\" %") == "* LSUB (\\Noselect) \".\" a\r\nOK Lsub completed.\r\n");
  CHECK(client.command("LSUB a. *") == "* LSUB () \".\" a.b.c\r\nOK Lsub completed.\r\n");
  CHECK(client.command("LIST (SUBSCRIBED) \"\" *") ==
        "* LIST (\\HasNoChildren \\Subscribed) \".\" a.b.c\r\nOK List completed.\r\n");
  CHECK(client.command("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %")
            .find("a (\"CHILDINFO\" (\"SUBSCRIBED\"))") != std::string::npos);
  CHECK(has(client.command("LIST \"\" Sent RETURN (STATUS (MESSAGES))"),
            "* STATUS Sent (MESSAGES 0)\r\n"));
  CHECK(client.command("LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES))")
            .find("STATUS a") == std::string::npos);
  CHECK(has(client.command("LIST \"\" Sent RETURN (STATUS (HIGHESTMODSEQ APPENDLIMIT DELETED))"),
            " APPENDLIMIT 104857600 DELETED 0)\r\n"));
  CHECK(client.command("LIST  (SUBSCRIBED )  \"\"  *  RETURN  (CHILDREN  SUBSCRIBED )")
            .ends_with("OK List completed.\r\n"));
  CHECK(client.command("RENAME a.b.c x.y") == "OK Rename completed.\r\n");
  CHECK(client.command("DELETE Sent") == "OK Delete completed.\r\n");
  CHECK(client.command("DELETE INBOX").starts_with("NO [CANNOT]"));
  CHECK(client.command("UNSUBSCRIBE a.b.c") == "OK Unsubscribe completed.\r\n");
}

TEST_CASE("CREATE takes the use that the setting gives to a name, and makes nothing with another") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(client.command("CREATE Sent (USE (\\sent))").starts_with("OK "));
  CHECK(has(client.command("LIST (SPECIAL-USE) \"\" *"), "\\Sent) \".\" Sent\r\n"));
  for (const char* refused :
       {"CREATE Outgoing (USE (\\Sent))", "CREATE Drafts (USE (\\Sent))",
        "CREATE Drafts (USE (\\Drafts \\Sent))", "CREATE Drafts (USE (Drafts))"}) {
    CAPTURE(refused);
    CHECK(client.command(refused).starts_with("NO [USEATTR] "));
  }
  for (const char* wrong :
       {"CREATE Drafts (USE)", "CREATE Drafts (USE ())", "CREATE Drafts (USE \\Drafts)",
        "CREATE Drafts (USE (\\Drafts) USE (\\Drafts))", "CREATE Drafts (OTHER 1)"}) {
    CAPTURE(wrong);
    CHECK(client.command(wrong).starts_with("BAD "));
  }
  CHECK(client.command("LIST \"\" Drafts") == "OK List completed.\r\n");
}

TEST_CASE("RENAME INBOX moves its messages, and INBOX stays selected") {
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    LogCapture log;
    TestAccount account(format);
    Client client(account);
    append(client, "INBOX", message);
    append(client, "INBOX", message);
    client.command("SELECT INBOX");
    auto renamed = client.command("RENAME INBOX old");
    CHECK(renamed.ends_with("OK Rename completed.\r\n"));
    CHECK_FALSE(has(renamed, "[CLOSED]"));
    CHECK(has(renamed, "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n"));
    CHECK(has(client.command("STATUS old (MESSAGES)"), "(MESSAGES 2)"));
    append(client, "INBOX", message);
    CHECK(has(client.command("FETCH 1 BODY.PEEK[TEXT]"), "hello"));
    // What it makes is a new mailbox, which had no other name.
    client.command("ENABLE IMAP4rev2");
    CHECK_FALSE(has(client.command("RENAME INBOX older"), "OLDNAME"));
  }
}

TEST_CASE("RENAME tells the account's other sessions of both names, first and when it is over") {
  struct Listener final : AccountListener {
    std::vector<std::string> heard;
    void hear(const AccountNews& news) override {
      heard.push_back(news.old_name + ">" + news.name);
    }
  } listener;
  TestAccount account;
  Client client(account);
  client.command("CREATE Old");
  auto shared = client.accounts().open("ann");
  shared->board.add(listener);
  client.command("RENAME Old New");
  shared->board.remove(listener);
  CHECK(listener.heard == std::vector<std::string>{"Old>New", ">New"});
}

TEST_CASE(
    "a mailbox that another program has made anew ends the session, which knows no UID of it") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE box");
  client.command("SELECT box");
  auto folder = account.root() + "/Maildir/.box";
  std::ofstream(folder + "/dovecot-uidlist") << "3 V7 N5 G" << std::string(32, 'a') << "\n";
  CHECK(client.send("a NOOP\r\n", "a ").starts_with("* BYE "));
  CHECK(client.is_over());
}

TEST_CASE("RENAME and DELETE of the selected mailbox unselect it, RENAME also above it") {
  for (const char* command : {"RENAME a.b other", "RENAME a other", "DELETE a.b"}) {
    CAPTURE(command);
    LogCapture log;
    TestAccount account;
    Client client(account);
    client.command("CREATE a");
    client.command("CREATE a.b");
    client.command("CREATE a.bc");
    client.command("SELECT a.b");
    CHECK(has(client.command(command), "* OK [CLOSED] "));
    CHECK(client.command("FETCH 1 FLAGS") == "BAD No mailbox selected\r\n");
  }
}

TEST_CASE("a mailbox whose name only begins like the renamed one stays selected") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE a.b");
  client.command("CREATE a.bc");
  client.command("SELECT a.bc");
  CHECK(client.command("RENAME a.b other") == "OK Rename completed.\r\n");
  CHECK(client.command("DELETE other") == "OK Delete completed.\r\n");
  CHECK(client.command("UNSELECT") == "OK Unselect completed.\r\n");
}

TEST_CASE("a mailbox that another session removed ends the session that has it open") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  Client other(account);
  client.command("CREATE box");
  other.command("SELECT box");
  client.command("DELETE box");
  auto answer = other.command("NOOP");
  CHECK(has(answer, "* BYE "));
  CHECK(has(answer, "Mailbox does not exist: box"));
}

TEST_CASE("a mailbox that is removed ends the IDLE of the client that has it open") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  Client other(account);
  client.command("CREATE box");
  other.command("SELECT box");
  other.send("i IDLE\r\n", "+");
  client.command("DELETE box");
  // Not the time that the client may be silent.
  CHECK(other.send("", "never") ==
        "* BYE [NONEXISTENT] Mailbox does not exist: box\r\n(lost connection)");
  other.hang_up();
  CHECK(other.is_over());
  CHECK(has(log.last(), "The mailbox has gone"));
}

TEST_CASE("DELETE says when it is those below a mailbox that keep it") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  CHECK(client.command("CREATE box/in").starts_with("OK "));
  CHECK(client.command("DELETE box").starts_with("NO [HASCHILDREN] "));
  CHECK(client.command("DELETE INBOX").starts_with("NO [CANNOT] "));
  CHECK(client.command("DELETE box/in").starts_with("OK "));
  CHECK(client.command("DELETE box").starts_with("OK "));
}
