// ESEARCH: one search of several mailboxes.
#include "imapd/grammar/multisearch.h"
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string apple = "Subject: apple\n\nx\n";
const std::string pear = "Subject: pear\n\nx\n";

void fill(Client& client) {
  append(client, "INBOX", apple);
  append(client, "INBOX", pear);
  for (const char* name : {"Fruit", "Fruit.Old", "Fruit.Old.Older"}) {
    client.command(std::string("CREATE ") + name);
    append(client, name, apple);
  }
  client.command("SUBSCRIBE Fruit");
}

// The mailboxes that answers name, in order.
std::string mailboxes(const std::string& answer) {
  std::string out;
  constexpr std::string_view head = " MAILBOX ";
  for (auto at = answer.find(head); at != std::string::npos; at = answer.find(head, at + 1)) {
    auto begin = at + head.size();
    out += answer.substr(begin, answer.find(' ', begin) - begin) + ' ';
  }
  return out;
}

}  // namespace

TEST_CASE("ESEARCH answers for each mailbox with a match, whichever is selected") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  fill(client);
  auto found = [&](const std::string& in) {
    return mailboxes(client.command("ESEARCH IN (" + in + ") SUBJECT apple"));
  };
  CHECK(found("personal") == "INBOX Fruit Fruit.Old Fruit.Old.Older ");
  CHECK(found("inboxes") == found("personal"));
  CHECK(found("subscribed") == "Fruit ");
  CHECK(found("mailboxes (Fruit INBOX nowhere)") == "INBOX Fruit ");
  CHECK(found("subtree Fruit") == "Fruit Fruit.Old Fruit.Old.Older ");
  CHECK(found("subtree-one Fruit") == "Fruit Fruit.Old ");
  CHECK(found("subtree-one Fruit mailboxes Fruit") == "Fruit Fruit.Old ");
  CHECK(client.command("ESEARCH IN (personal) SUBJECT plum") == "OK Search completed.\r\n");
  auto pears = client.command("ESEARCH IN (personal) RETURN (COUNT MIN) SUBJECT pear");
  CHECK(has(pears, " MAILBOX INBOX UIDVALIDITY "));
  CHECK(has(pears, ") UID MIN 2 COUNT 1\r\nOK "));
  // No mailbox has been selected by all that.
  CHECK(client.command("CHECK").starts_with("BAD "));
}

TEST_CASE("ESEARCH of the selected mailbox gives UIDs, and is BAD without one") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  fill(client);
  CHECK(client.command("ESEARCH SUBJECT apple") == "BAD No mailbox selected\r\n");
  CHECK(client.command("ESEARCH IN (selected) ALL").starts_with("BAD "));
  client.command("SELECT INBOX");
  client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  CHECK(has(client.command("ESEARCH ALL"), ") UID ALL 2\r\n"));
  CHECK(has(client.command("ESEARCH RETURN (SAVE COUNT) ALL"), ") UID COUNT 1\r\n"));
  CHECK(has(client.command("UID SEARCH $"), "* SEARCH 2\r\n"));
  CHECK(mailboxes(client.command("ESEARCH IN (selected mailboxes INBOX) ALL")) == "INBOX ");
  client.send("s ESEARCH RETURN (UPDATE) ALL\r\n", "s ");
  CHECK(client.send("s ESEARCH RETURN (UPDATE) ALL\r\n", "s ") == "s BAD Tag reuse\r\n");
  // As with SEARCH, a NO empties what is kept.
  CHECK(has(client.command("ESEARCH RETURN (SAVE) CHARSET X-NONE TEXT x"), "NO [BADCHARSET"));
  CHECK(has(client.command("UID SEARCH $"), "* SEARCH\r\n"));
}

TEST_CASE("ESEARCH refuses what it can't take") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  client.command("SELECT INBOX");
  for (const char* bad :
       {"ESEARCH", "ESEARCH IN () ALL", "ESEARCH IN (personal)", "ESEARCH IN personal ALL",
        "ESEARCH IN (selected-delayed) ALL", "ESEARCH IN (subtree) ALL",
        "ESEARCH IN (personal (X)) ALL", "ESEARCH IN (elsewhere) ALL",
        "ESEARCH IN (personal) RETURN (SAVE) ALL", "ESEARCH IN (personal) RETURN (UPDATE) ALL",
        "ESEARCH IN (personal) NOSUCHKEY"}) {
    CAPTURE(bad);
    CHECK(client.command(bad).starts_with("BAD "));
  }
  CHECK(has(client.command("ESEARCH IN (personal) CHARSET X-NONE TEXT x"), "NO [BADCHARSET"));
  std::string sources = "personal";
  for (std::size_t i = 1; i < search_sources_max; ++i) sources += " personal";
  CHECK(client.command("ESEARCH IN (" + sources + ") ALL").starts_with("OK "));
  CHECK(client.command("ESEARCH IN (" + sources + " personal) ALL").starts_with("BAD "));
}
