// The annotations of mailboxes and of the account, and the quota.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string message = "Subject: x\n\nhello\n";

// By STATUS; or as an untagged line tells it, 0 if none does.
std::uint64_t modseq_in(const std::string& answer) {
  const std::string_view word = "HIGHESTMODSEQ ";
  auto at = answer.find(word);
  return at == answer.npos ? 0 : std::stoull(answer.substr(at + word.size()));
}

}  // namespace

TEST_CASE("annotations are set, found at any depth, and unset") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  CHECK(client.command("GETMETADATA INBOX /private/comment") ==
        "* METADATA INBOX (/private/comment NIL)\r\nOK Getmetadata completed.\r\n");
  CHECK(client.command("SETMETADATA INBOX (/Private/Comment \"a text\" /shared/x/y/z deep)")
            .starts_with("BAD "));
  CHECK(client.command("SETMETADATA INBOX (/Private/Comment \"a text\" /shared/x/y/z \"deep\" "
                       "/shared/x/y \"less\")") == "OK Setmetadata completed.\r\n");
  CHECK(client.command("GETMETADATA inbox (/private/comment /shared/x)") ==
        "* METADATA INBOX (/private/comment \"a text\" /shared/x NIL)\r\n"
        "OK Getmetadata completed.\r\n");
  CHECK(client.command("GETMETADATA (DEPTH 1) INBOX /shared/x") ==
        "* METADATA INBOX (/shared/x/y \"less\")\r\nOK Getmetadata completed.\r\n");
  CHECK(client.command("GETMETADATA (DEPTH infinity MAXSIZE 4) INBOX (/shared)") ==
        "* METADATA INBOX (/shared/x/y \"less\" /shared/x/y/z \"deep\")\r\n"
        "OK Getmetadata completed.\r\n");
  CHECK(client.command("GETMETADATA INBOX (MAXSIZE 5) (/private/comment /shared/x/y)") ==
        "* METADATA INBOX (/shared/x/y \"less\")\r\n"
        "OK [METADATA LONGENTRIES 6] Getmetadata completed.\r\n");
  client.command("SETMETADATA INBOX (/private/comment NIL)");
  CHECK(has(client.command("GETMETADATA INBOX /private/comment"), "(/private/comment NIL)"));
  // A vendor's token is no entry of its own.
  CHECK(client.command("SETMETADATA INBOX (/shared/vendor/one \"x\")").starts_with("BAD "));
  CHECK(client.command("SETMETADATA INBOX (/shared/vendor/one/two \"x\")").starts_with("OK "));
  CHECK(client.command("SETMETADATA INBOX (/shared/vendors \"x\")").starts_with("OK "));
  // Those of the account are others.
  CHECK(has(client.command("GETMETADATA \"\" /shared/x/y"), "* METADATA \"\" (/shared/x/y NIL)"));
  CHECK(client.command("SETMETADATA \"\" (/private/comment \"mine\")").starts_with("OK "));
  CHECK(has(client.command("GETMETADATA \"\" /private/comment"),
            "* METADATA \"\" (/private/comment \"mine\")"));
}

TEST_CASE("a value may hold line ends and NUL, as literal and literal8") {
  LogCapture log;
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    TestAccount account(format);
    Client client(account);
    std::string odd("a\r\nb\0c", 6);
    auto set = "s SETMETADATA INBOX (/private/x ~{6+}\r\n" + odd + ")\r\n";
    CHECK(client.send(set, "s ") == "s OK Setmetadata completed.\r\n");
    CHECK(has(client.command("GETMETADATA INBOX /private/x"),
              "* METADATA INBOX (/private/x ~{6}\r\n" + odd + ")\r\n"));
    // Without the tilde a NUL is no literal's.
    auto refused = "u SETMETADATA INBOX (/private/x {6+}\r\n" + odd + ")\r\n";
    CHECK(client.send(refused, "u ").starts_with("u BAD "));
  }
}

TEST_CASE("annotations follow a mailbox that is renamed, and are gone with it") {
  LogCapture log;
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    TestAccount account(format);
    Client client(account);
    client.command("CREATE Old");
    CHECK(client.command("SETMETADATA Old (/private/comment \"kept\")").starts_with("OK "));
    CHECK(client.command("RENAME Old New").starts_with("OK "));
    CHECK(has(client.command("GETMETADATA New /private/comment"), "\"kept\""));
    CHECK(client.command("GETMETADATA Old /private/comment").starts_with("NO [NONEXISTENT]"));
    client.command("DELETE New");
    client.command("CREATE New");
    CHECK(has(client.command("GETMETADATA New /private/comment"), "NIL"));
    // RFC 5464 section 4.1: INBOX keeps its own.
    client.command("SETMETADATA INBOX (/private/comment \"in\")");
    CHECK(client.command("RENAME INBOX Archive").starts_with("OK "));
    CHECK(has(client.command("GETMETADATA Archive /private/comment"), "\"in\""));
    CHECK(has(client.command("GETMETADATA INBOX /private/comment"), "\"in\""));
  }
}

TEST_CASE("a change of annotations raises the mod-sequence of the mailbox, and nothing else does") {
  LogCapture log;
  for (auto format : {TestAccount::Format::Maildir, TestAccount::Format::Mbox}) {
    TestAccount account(format);
    Client client(account);
    Client other(account);
    const std::string ask = "STATUS INBOX (HIGHESTMODSEQ)";
    auto first = modseq_in(client.command(ask));
    CHECK(first > 0);
    CHECK(client.command("SETMETADATA INBOX (/private/x \"y\")").starts_with("OK "));
    auto second = modseq_in(client.command(ask));
    CHECK(second > first);
    // The value that it has already; the account's own; a look.
    client.command("SETMETADATA INBOX (/private/x \"y\")");
    client.command("SETMETADATA \"\" (/private/x \"y\")");
    client.command("GETMETADATA INBOX /private/x");
    CHECK(modseq_in(client.command(ask)) == second);
    // Who has it selected is told, once, if mod-sequences mean anything to them.
    client.command("ENABLE CONDSTORE");
    CHECK(modseq_in(client.command("SELECT INBOX")) == second);
    other.command("SELECT INBOX");
    auto told = modseq_in(client.command("SETMETADATA INBOX (/private/x \"z\")"));
    CHECK(told > second);
    CHECK(modseq_in(client.command("NOOP")) == 0);
    CHECK(modseq_in(other.command("NOOP")) == 0);
    other.command("SETMETADATA INBOX (/private/x NIL)");
    auto last = modseq_in(client.command("NOOP"));
    CHECK(last > told);
    CHECK(modseq_in(client.command("NOOP")) == 0);
    CHECK(modseq_in(other.command("SELECT INBOX")) == last);
  }
}

TEST_CASE("what annotations can't be is BAD, what they may not be is NO") {
  LogCapture log;
  TestAccount account;
  Client client(account, {"imap_metadata_entries_max=2", "imap_metadata_value_max=1k"});
  for (const char* bad :
       {"GETMETADATA INBOX", "GETMETADATA INBOX ()", "GETMETADATA INBOX /other/x",
        "GETMETADATA INBOX private/comment", "GETMETADATA INBOX /private//x",
        "GETMETADATA INBOX /private/x/", "GETMETADATA INBOX \"/private/*\"",
        "GETMETADATA INBOX \"/private/%\"", "GETMETADATA (DEPTH 2) INBOX /private/x",
        "GETMETADATA (MAXSIZE) INBOX /private/x", "GETMETADATA () INBOX /private/x",
        "GETMETADATA (OTHER 1) INBOX /private/x", "SETMETADATA INBOX /private/x \"y\"",
        "SETMETADATA INBOX ()", "SETMETADATA INBOX (/private/x)",
        "SETMETADATA INBOX (/private NIL)", "SETMETADATA INBOX (/private/x \"y\") z"}) {
    CAPTURE(bad);
    CHECK(client.command(bad).starts_with("BAD "));
  }
  CHECK(client.command("SETMETADATA nowhere (/private/x \"y\")").starts_with("NO [NONEXISTENT]"));
  CHECK(client.command("SETMETADATA INBOX (/private/x \"" + std::string(1025, 'x') + "\")")
            .starts_with("NO [METADATA MAXSIZE 1024] "));
  CHECK(client.command("SETMETADATA INBOX (/private/specialuse \"\\\\Sent\")")
            .starts_with("NO [NOPERM]"));
  CHECK(client.command("SETMETADATA \"\" (/shared/admin \"mailto:x\")").starts_with("NO [NOPERM]"));
  CHECK(client.command("SETMETADATA INBOX (/private/a \"1\" /private/b \"2\" /private/c \"3\")")
            .starts_with("NO [METADATA TOOMANY] "));
  CHECK(has(client.command("GETMETADATA INBOX /private/a"), "NIL"));
}

TEST_CASE("a mailbox's use is an annotation that only the setting changes") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Sent");
  CHECK(has(client.command("GETMETADATA Sent /private/specialuse"), "\"\\\\Sent\""));
  CHECK(has(client.command("GETMETADATA INBOX /private/specialuse"), "NIL"));
}

TEST_CASE("LIST tells annotations with the mailboxes") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("CREATE Work");
  client.command("SETMETADATA Work (/private/color \"red\")");
  auto listed = client.command("LIST \"\" * RETURN (METADATA (/private/color /shared/comment))");
  CHECK(has(listed, "INBOX\r\n* METADATA INBOX (/private/color NIL /shared/comment NIL)\r\n"));
  CHECK(has(listed, "Work\r\n* METADATA Work (/private/color \"red\" /shared/comment NIL)\r\n"));
  CHECK(client.command("LIST \"\" * RETURN (METADATA ())").starts_with("BAD "));
  CHECK(client.command("LIST \"\" * RETURN (METADATA)").starts_with("BAD "));
}

TEST_CASE("where annotations are turned off they are neither announced nor served") {
  LogCapture log;
  TestAccount account;
  Client client(account, {"imap_metadata=no"});
  CHECK_FALSE(has(client.greeting(), "METADATA"));
  CHECK(has(client.greeting(), "LIST-EXTENDED LIST-STATUS"));
  CHECK(client.command("GETMETADATA INBOX /private/comment").starts_with("NO [CANNOT]"));
}

TEST_CASE("the quota is told with its root, and has none where there is no limit") {
  LogCapture log;
  TestAccount account;
  {
    Client client(account);
    CHECK(client.command("GETQUOTAROOT INBOX") ==
          "* QUOTAROOT INBOX\r\nOK Getquotaroot completed.\r\n");
    CHECK(client.command("GETQUOTA \"User quota\"").starts_with("NO [NONEXISTENT]"));
  }
  account.quota_bytes = 10'000;
  Client client(account);
  append(client, "INBOX", message);
  CHECK(client.command("GETQUOTAROOT INBOX") ==
        "* QUOTAROOT INBOX \"User quota\"\r\n* QUOTA \"User quota\" (STORAGE 1 9)\r\n"
        "OK Getquotaroot completed.\r\n");
  CHECK(client.command("GETQUOTA \"User quota\"") ==
        "* QUOTA \"User quota\" (STORAGE 1 9)\r\nOK Getquota completed.\r\n");
  // RFC 9208 section 4.1.2: the mailbox need not exist.
  CHECK(has(client.command("GETQUOTAROOT nowhere"), "* QUOTAROOT nowhere \"User quota\"\r\n"));
  CHECK(client.command("GETQUOTA other").starts_with("NO [NONEXISTENT]"));
  CHECK(client.command("GETQUOTA").starts_with("BAD "));
  CHECK(client.command("GETQUOTAROOT INBOX x").starts_with("BAD "));
  CHECK(append(client, "INBOX", std::string(20'000, 'x')).starts_with("app NO [OVERQUOTA]"));
}

TEST_CASE("STATUS says how much an EXPUNGE would free") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", message);
  append(client, "INBOX", message);
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Deleted)");
  // On disk the three lines end in LF alone.
  CHECK(has(client.command("STATUS INBOX (DELETED DELETED-STORAGE SIZE)"),
            "(DELETED 1 DELETED-STORAGE 18 SIZE 42)"));
}
