// What mail_log_events makes of a session.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string message =
    "From: Ann <ann@example.net>\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
    "Message-ID: <a1@example.net>\r\n\r\nhello\r\n";
const std::string all_events =
    "mail_log_events=delete, undelete, expunge, save, copy, mailbox_create, mailbox_delete, "
    "mailbox_rename, flag_change";

/// The lines of the session, without what is the same in all.
std::vector<std::string> told(const LogCapture& log) {
  const std::string before = "imap: user=<ann>, session=<SESSION>: ";
  std::vector<std::string> lines;
  for (const auto& line : log.lines()) {
    if (line.starts_with(before)) lines.push_back(line.substr(before.size()));
  }
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("IMAP tells who saved, read, marked, copied, moved and removed which message") {
  TestAccount account;
  Client client(account, {all_events, "mail_log_fields=box, uid, msgid"});
  LogCapture log;
  client.command("CREATE Trash");
  append(client, "INBOX", message);
  client.command("SELECT INBOX");
  client.command("FETCH 1 BODY[]");
  client.command("STORE 1 +FLAGS (\\Deleted)");
  client.command("STORE 1 -FLAGS (\\Deleted)");
  client.command("COPY 1 Trash");
  client.command("MOVE 1 Trash");
  append(client, "INBOX", message);
  client.command("STORE 1 +FLAGS (\\Deleted $Junk)");
  client.command("EXPUNGE");
  client.command("RENAME Trash Bin");
  client.command("DELETE Bin");
  CHECK(told(log) == Lines{"Mailbox created: Trash",
                           "save: box=INBOX, uid=1, msgid=<a1@example.net>",
                           "flag_change: box=INBOX, uid=1, msgid=<a1@example.net>",
                           "delete: box=INBOX, uid=1, msgid=<a1@example.net>",
                           "undelete: box=INBOX, uid=1, msgid=<a1@example.net>",
                           "copy from INBOX: box=Trash, uid=1, msgid=<a1@example.net>",
                           "copy from INBOX: box=Trash, uid=2, msgid=<a1@example.net>",
                           "expunge: box=INBOX, uid=1, msgid=<a1@example.net>",
                           "save: box=INBOX, uid=2, msgid=<a1@example.net>",
                           "delete: box=INBOX, uid=2, msgid=<a1@example.net>",
                           "flag_change: box=INBOX, uid=2, msgid=<a1@example.net>",
                           "expunge: box=INBOX, uid=2, msgid=<a1@example.net>",
                           "Mailbox renamed: Trash -> Bin", "Mailbox deleted: Bin"});
}

TEST_CASE("the fields are those of mail_log_fields, with sizes, sender, subject and flags") {
  TestAccount account;
  account.deliver("From: Ann <ann@example.net>\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n\nhello\n");
  Client client(account, {"mail_log_events=flag_change",
                          "mail_log_fields=size, vsize, from, subject, flags"});
  LogCapture log;
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Seen $Junk)");
  CHECK(told(log) == Lines{"flag_change: size=72, vsize=76, from=Ann <ann@example.net>, "
                           "subject=grüße, flags=(\\Seen $Junk)"});
}

TEST_CASE("only the events that are asked for are told, and by default none") {
  TestAccount account;
  LogCapture log;
  {
    Client client(account);
    append(client, "INBOX", message);
    client.command("SELECT INBOX");
    client.command("STORE 1 +FLAGS (\\Deleted)");
  }
  CHECK(told(log).empty());
  Client client(account, {"mail_log_events=EXPUNGE", "mail_log_fields=uid"});
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS (\\Seen)");
  client.command("EXPUNGE");
  CHECK(told(log) == Lines{"expunge: uid=1"});
}

TEST_CASE(
    "an event of very many messages is told in lines_max lines, and how many more there are") {
  TestAccount account;
  for (std::size_t i = 0; i < store::MailEvents::lines_max + 5; ++i) account.deliver("\nx\n");
  Client client(account, {"mail_log_events=flag_change, expunge", "mail_log_fields=uid"});
  LogCapture log;
  client.command("SELECT INBOX");
  client.command("STORE 1:* +FLAGS.SILENT (\\Deleted \\Seen)");
  auto lines = told(log);
  REQUIRE(lines.size() == store::MailEvents::lines_max + 1);
  CHECK(lines.back() == "flag_change: box=INBOX, more=5");
  client.command("EXPUNGE");
  lines = told(log);
  REQUIRE(lines.size() == 2 * (store::MailEvents::lines_max + 1));
  CHECK(lines.back() == "expunge: box=INBOX, more=5");
}
