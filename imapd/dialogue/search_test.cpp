// SEARCH as a client sees it: which messages each key finds.
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string first =
    "From: Ann <ann@example.org>\nSubject: first\nDate: Tue, 14 Nov 2023 22:13:20 +0000\n\nhello\n";
const std::string second = "From: Bob <bob@example.org>\nSubject: second\n\nworld\nwide\n";

struct Row {
  const char* keys;
  const char* found;
};
const Row rows[] = {
    {"ALL", " 1 2 3 4 5"},
    {"SEEN", " 2"},
    {"UNSEEN", " 1 3 4 5"},
    {"FLAGGED NOT SEEN", ""},
    {"OR FLAGGED SUBJECT FIRST", " 1 2"},
    {"FROM bob", " 2"},
    {"HEADER Date \"\"", " 1"},
    {"HEADER subject SECOND", " 2"},
    {"HEADER X \"it  longer than\"", " 5"},
    {"TEXT \"it longer than\"", " 5"},
    {"BODY wide", " 2"},
    {"BODY second", ""},
    {"TEXT second", " 2"},
    {"BODY inside", " 4"},
    {"BODY x-part", ""},
    {"TEXT x-part", " 4"},
    {"BODY within", ""},
    {"TEXT within", " 4"},
    {"BODY deep", " 4"},
    {"TO \"\"", " 4"},
    {"CC \"\"", ""},
    {"2:3", " 2 3"},
    {"UID 3", " 3"},
    {"NOT 2", " 1 3 4 5"},
    {"LARGER 80", " 1 3 4 5"},
    {"SMALLER 80", " 2"},
    {"SENTON 14-Nov-2023", " 1"},
    {"SENTBEFORE 15-Nov-2023", " 1"},
    {"SENTSINCE 15-Nov-2023", ""},
    {"SINCE 1-Jan-2000", " 1 2 3 4 5"},
    {"BEFORE 1-Jan-2000", ""},
    {"CHARSET UTF-8 SUBJECT {8+}\r\nm\xc3\xbcNCHEN", " 3"},
    {"CHARSET UTF-8 BODY {7+}\r\nstra\xc3\x9f"
     "e",
     " 3"},
    {"CHARSET ISO-8859-1 SUBJECT {7+}\r\nM\xfcnchen", " 3"},
    {"CHARSET ISO-8859-1 FROM {4+}\r\nJ\xf6rg", " 5"},
};

}  // namespace

TEST_CASE("SEARCH finds by every key") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", first);
  append(client, "INBOX", second);
  append(
      client, "INBOX",
      "From: c@d\nSubject: =?utf-8?q?M=C3=BCnchen?=\nContent-Type: text/plain; charset=iso-8859-1\n"
      "Content-Transfer-Encoding: quoted-printable\n\nStra=DFe\n");
  append(client, "INBOX",
         "To:\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-part\n\n"
         "inside\n--b\nContent-Type: message/rfc822\n\nSubject: within\n\ndeep\n--b--\n");
  append(client, "INBOX",
         "From: =?utf-8?q?J=C3=B6rg?= <j@e>\nX: a field that makes it\n\t longer than eighty "
         "octets\n\n\n");
  client.command("SELECT INBOX");
  client.command("STORE 2 +FLAGS (\\Seen \\Flagged)");
  for (const char* fields : {"read", "kept by the first round"}) {
    CAPTURE(fields);
    for (const auto& row : rows) {
      CAPTURE(row.keys);
      CHECK(client.command("SEARCH " + std::string(row.keys)) ==
            "* SEARCH" + std::string(row.found) + "\r\nOK Search completed.\r\n");
    }
  }
  CHECK(
      client.command("SEARCH CHARSET x-none ALL").starts_with("NO [BADCHARSET (US-ASCII UTF-8)]"));
  CHECK(client.command("SEARCH CHARSET UTF-8 SUBJECT {3+}\r\nm\xc3x") ==
        "BAD A text of SEARCH is not valid in its charset\r\n");
  CHECK(client.command("SEARCH CHARSET UTF-8 SUBJECT {3+}\r\n\xef\xbf\xbd") ==
        "* SEARCH\r\nOK Search completed.\r\n");
  CHECK(has(client.command("UID SEARCH RETURN (MIN COUNT) ALL"), ") UID MIN 1 COUNT 5\r\n"));
}

TEST_CASE("SEARCH passes over a message that another session has removed, and says so") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  Client other(account);
  for (int i = 0; i < 3; ++i) append(client, "INBOX", first);
  client.command("SELECT INBOX");
  other.command("SELECT INBOX");
  client.command("STORE 2 +FLAGS.SILENT (\\Deleted)");
  client.command("EXPUNGE");
  // FETCH has its session read the mailbox, but may not announce the expunge.
  other.command("FETCH 1 FLAGS");
  for (const char* command : {"SEARCH ALL", "SEARCH SUBJECT first"}) {
    CAPTURE(command);
    CHECK(has(other.command(command), "* SEARCH 1 3\r\nOK [EXPUNGEISSUED] Search completed; "));
  }
  // Whoever uses UIDs is told of it at once.
  auto found = other.command("UID SEARCH ALL");
  CHECK(has(found, "* 2 EXPUNGE\r\n"));
  CHECK(found.ends_with("OK Search completed.\r\n"));
}
