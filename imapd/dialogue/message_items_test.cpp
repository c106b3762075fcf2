// What FETCH tells of a message beyond RFC 3501: its ids, dates, decoded parts and preview.
#include <sys/stat.h>

#include <ctime>

#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string parts =
    "Subject: parts\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; "
    "charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n--b\n"
    "Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nYQBi\n--b\n"
    "Content-Transfer-Encoding: x-own\n\nabc\n--b--\n";

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  auto begin = text.find(before);
  if (begin == std::string::npos) return "";
  begin += before.size();
  return text.substr(begin, text.find(after, begin) - begin);
}

std::string email_id(Client& client, const std::string& number) {
  return between(client.command("FETCH " + number + " (EMAILID)"), "EMAILID (", ")");
}

}  // namespace

TEST_CASE("BINARY tells parts without their encoding, as a literal8 only where they are binary") {
  LogCapture log;
  TestAccount account;
  account.deliver(parts);
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(has(client.command("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])"),
            "* 1 FETCH (BINARY.SIZE[1] 5 BINARY[1] {5}\r\nGr\xfc\xdf"
            "e)\r\n"));
  auto with_nul = client.command("FETCH 1 BINARY.PEEK[2]");
  CHECK(has(with_nul, std::string("BINARY[2] ~{3}\r\na\0b)\r\n", 22)));
  CHECK(has(client.command("FETCH 1 BINARY.PEEK[1]<1.3>"), "BINARY[1]<1> {3}\r\nr\xfc\xdf)\r\n"));
  CHECK(has(client.command("FETCH 1 BINARY.PEEK[9]"), "BINARY[9] NIL)"));
  CHECK(has(client.command("FETCH 1 BINARY.PEEK[3]"), "NO [UNKNOWN-CTE] "));
  CHECK(has(client.command("FETCH 1 (UID)"), "* 1 FETCH (UID 1)"));
  CHECK(has(client.command("FETCH 1 BINARY.PEEK[]"), "BINARY[] {"));
  CHECK_FALSE(has(client.command("FETCH 1 FLAGS"), "\\Seen"));
  CHECK(has(client.command("FETCH 1 BINARY[1]"), "FLAGS (\\Seen"));
  for (const char* command :
       {"FETCH 1 BINARY", "FETCH 1 BINARY[HEADER]", "FETCH 1 BINARY[1.MIME]",
        "FETCH 1 BINARY.SIZE[1]<0.1>", "FETCH 1 BINARY.PEEK.SIZE[1]", "FETCH 1 RFC822[1]"}) {
    CAPTURE(command);
    CHECK(has(client.command(command), "BAD "));
  }
}

TEST_CASE("BINARY ends the lines of text in CRLF, and reads an encoding as BODYSTRUCTURE does") {
  LogCapture log;
  TestAccount account;
  auto deliver = [&](const std::string& type, const std::string& encoding,
                     const std::string& body) {
    account.deliver("Content-Type: " + type + "\nContent-Transfer-Encoding: " + encoding + "\n\n" +
                    body + "\n");
  };
  deliver("text/x-diff", "base64 (of lines)", "YQpiCmM=");
  deliver("text/plain", "quoted-printable", "a=0Ab");
  deliver("application/x-own", "base64", "YQpi");
  // UTF-16.
  deliver("text/plain", "base64", "AAoAYQ==");
  // Lines that end in CRLF: the LF within one is not for us to judge.
  deliver("text/x-diff", "base64", "YQpiDQpj");
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(has(client.command("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[1]<1.2>)"),
            "(BINARY.SIZE[1] 7 BINARY[1] {7}\r\na\r\nb\r\nc BINARY[1]<1> {2}\r\n\r\n)"));
  CHECK(has(client.command("FETCH 1 BODY"), " \"base64\" "));
  CHECK(has(client.command("FETCH 2 BINARY.PEEK[1]"), "{6}\r\na\r\nb\r\n)"));
  CHECK(has(client.command("FETCH 3 BINARY.SIZE[1]"), "BINARY.SIZE[1] 3)"));
  CHECK(has(client.command("FETCH 4 BINARY.SIZE[1]"), "BINARY.SIZE[1] 4)"));
  CHECK(has(client.command("FETCH 5 (BINARY.SIZE[1] BINARY.PEEK[1])"),
            "(BINARY.SIZE[1] 6 BINARY[1] ~{6}\r\n"));
}

TEST_CASE("fields of a header come with the empty line behind it, unless there is none") {
  LogCapture log;
  TestAccount account;
  account.deliver("Subject: a\nTo: b\n\n");
  account.deliver("Subject: a\nTo: b\n");
  account.deliver("");
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(has(client.command("FETCH 1:3 BODY.PEEK[HEADER.FIELDS (TO)]"),
            "* 1 FETCH (BODY[HEADER.FIELDS (TO)] {9}\r\nTo: b\r\n\r\n)\r\n"
            "* 2 FETCH (BODY[HEADER.FIELDS (TO)] {7}\r\nTo: b\r\n)\r\n"
            "* 3 FETCH (BODY[HEADER.FIELDS (TO)] {0}\r\n)\r\n"));
  CHECK(has(client.command("FETCH 1:2 BODY.PEEK[HEADER.FIELDS.NOT (subject to)]"),
            " {2}\r\n\r\n)\r\n* 2 FETCH (BODY[HEADER.FIELDS.NOT (subject to)] {0}\r\n)"));
}

TEST_CASE(
    "fields that a client has listed come from the index from then on, all else from the file") {
  LogCapture log;
  TestAccount account;
  account.deliver("Subject: s1\nX-One: a1\nx-two: b1\nX-One: c1\n\nbody\n");
  Client client(account);
  client.command("SELECT INBOX");
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    path = entry.path();
  }
  // Nobody may do that to a message, so that it shows where fields come from.
  const auto rewrite = [&](char digit) {
    std::ofstream(path) << "Subject: s" << digit << "\nX-One: a" << digit << "\nx-two: b" << digit
                        << "\nX-One: c" << digit << "\n\nbody\n";
  };
  const auto fields = [&](const std::string& names) {
    auto told = client.command("FETCH 1 BODY.PEEK[HEADER.FIELDS (" + names + ")]");
    return between(told, "}\r\n", ")\r\nOK");
  };
  CHECK(fields("x-one") == "X-One: a1\r\nX-One: c1\r\n\r\n");
  rewrite('2');
  CHECK(fields("X-One \"no name\" Subject") == "Subject: s1\r\nX-One: a1\r\nX-One: c1\r\n\r\n");
  CHECK(fields("References") == "\r\n");
  CHECK(has(client.command("FETCH 1 ENVELOPE"), "\"s1\""));
  CHECK(fields("X-Two Subject") == "Subject: s2\r\nx-two: b2\r\n\r\n");
  rewrite('3');
  CHECK(fields("X-TWO X-ONE") == "X-One: a2\r\nx-two: b2\r\nX-One: c2\r\n\r\n");
  CHECK(has(client.command("SEARCH HEADER X-One c2"), "* SEARCH 1\r\n"));
  CHECK(has(client.command("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (X-One)]"), "Subject: s3"));
  CHECK(has(client.command("FETCH 1 BODY.PEEK[HEADER]"), "X-One: a3"));
  // More names than are kept.
  std::string many = "X-One";
  for (int i = 0; i < 40; ++i) many += " X-" + std::to_string(i);
  CHECK(fields(many) == "X-One: a3\r\nX-One: c3\r\n\r\n");
  CHECK(fields("X-One") == "X-One: a2\r\nX-One: c2\r\n\r\n");
  // Names that were asked for once, one after the other, give way to others.
  for (int i = 0; i < 40; ++i) fields("X-" + std::to_string(i));
  rewrite('4');
  CHECK(fields("X-Two X-One") == "X-One: a4\r\nx-two: b4\r\nX-One: c4\r\n\r\n");
  rewrite('5');
  CHECK(fields("X-Two X-One") == "X-One: a4\r\nx-two: b4\r\nX-One: c4\r\n\r\n");
  // What an earlier release kept says of no field that it is not there.
  {
    auto mailbox = account.open()->open(store::MailboxName::inbox(), store::Access::ReadOnly);
    REQUIRE(mailbox.has_value());
    (*mailbox)->cache(store::Uid(1), store::CacheItem::Header, "Subject: s0\r\n\r\n");
    REQUIRE((*mailbox)->sync().has_value());
  }
  Client another(account);
  another.command("SELECT INBOX");
  CHECK(has(another.command("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject X-One)]"), "Subject: s5"));
}

TEST_CASE("a list of very many fields costs no more when the index could keep them") {
  LogCapture log;
  TestAccount account;
  for (int i = 0; i < 10; ++i) account.deliver("Subject: s\n\nbody\n");
  Client client(account);
  client.command("SELECT INBOX");
  std::string names = "Subject";
  for (int i = 0; i < 10'000; ++i) names += " F" + std::to_string(i);
  // In processor time, of which a crowded machine gives no more.
  const auto cost = [&](const std::string& section) {
    auto begin = std::clock();
    CHECK(has(client.command("FETCH 1:* BODY.PEEK[" + section + " (" + names + ")]"),
              "OK Fetch completed.\r\n"));
    return std::clock() - begin;
  };
  // These never come from there.
  auto others = cost("HEADER.FIELDS.NOT");
  CHECK(cost("HEADER.FIELDS") < 10 * others);
}

TEST_CASE("a header without an empty line has none when its fields come from the index") {
  LogCapture log;
  TestAccount account;
  account.deliver("X-One: 1\nSubject: s");
  Client client(account);
  client.command("SELECT INBOX");
  for (int i = 0; i < 2; ++i) {
    CHECK(has(client.command("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]"), "{10}\r\nSubject: s)"));
    CHECK(has(client.command("FETCH 1 BODY.PEEK[HEADER.FIELDS (X-One)]"), "{10}\r\nX-One: 1\r\n)"));
  }
}

TEST_CASE("APPEND keeps the octets of a literal8, and refuses those that would not come back") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  auto appended = [&](const std::string& octets) {
    auto size = std::to_string(octets.size());
    return client.send("a APPEND INBOX ~{" + size + "+}\r\n" + octets + "\r\n", "a ");
  };
  const std::string header =
      "Content-Type: application/x-own\r\nContent-Transfer-Encoding: binary\r\n\r\n";
  const std::string large(100'000, 'x');
  CHECK(has(appended(header + "a\rb\xff\r\n"), "a OK [APPENDUID "));
  CHECK(has(appended(header + std::string("a\0b", 3)), "a OK [APPENDUID "));
  CHECK(has(appended(header + large + "\n"), "a OK [APPENDUID "));
  // Without the word nobody knows that it is binary.
  CHECK(has(appended(std::string("Subject: x\r\n\r\na\0b", 17)), "a NO [UNKNOWN-CTE] "));
  CHECK(has(appended("Subject: x\r\n\r\na\nb"), "a NO [UNKNOWN-CTE] "));
  CHECK(has(appended(header + std::string(5 << 20, '\0')), "a NO [UNKNOWN-CTE] So much "));
  auto part =
      client.send("a APPEND INBOX CATENATE (TEXT {" + std::to_string(header.size()) + "+}\r\n" +
                      header + " TEXT ~{3+}\r\n" + std::string("a\0b", 3) + ")\r\n",
                  "a ");
  CHECK(has(part, "a NO [UNKNOWN-CTE] "));
  client.command("SELECT INBOX");
  CHECK(
      has(client.command("FETCH 1 BINARY.PEEK[1]"), "* 1 FETCH (BINARY[1] ~{6}\r\na\rb\xff\r\n)"));
  CHECK(has(client.command("FETCH 2 (BINARY.SIZE[1] BINARY.PEEK[1] BODY.PEEK[1])"),
            "* 2 FETCH (BINARY.SIZE[1] 3 BINARY[1] ~{3}\r\n" + std::string("a\0b", 3) +
                " BODY[1] {6}\r\nYQBi\r\n)"));
  CHECK(has(client.command("FETCH 3 BINARY.PEEK[1]"), "~{100001}\r\n" + large + "\r\n)"));
  CHECK_FALSE(has(client.command("FETCH 1:* UID"), "* 4 FETCH"));
}

TEST_CASE("a message keeps its EMAILID when it is copied and moved, and another one has another") {
  LogCapture log;
  TestAccount account;
  account.deliver("Subject: a\n\nx\n");
  account.deliver("Subject: b\n\nx\n");
  Client client(account);
  client.command("SELECT INBOX");
  auto first = email_id(client, "1");
  CHECK(first.size() == 41);
  CHECK(first != email_id(client, "2"));
  CHECK(
      has(client.command("FETCH 1 (EMAILID THREADID)"), "(EMAILID (" + first + ") THREADID NIL)"));
  CHECK(has(client.command("SEARCH EMAILID " + first), "* SEARCH 1\r\n"));
  CHECK(has(client.command("SEARCH THREADID " + first), "* SEARCH\r\n"));
  CHECK(has(client.command("SEARCH EMAILID \"a b\""), "BAD "));
  auto made = client.command("CREATE Other");
  auto id = between(made, "OK [MAILBOXID (", ")");
  CHECK(id.size() == 32);
  client.command("COPY 1 Other");
  client.command("MOVE 1 Other");
  CHECK(has(client.command("STATUS Other (MAILBOXID)"), "(MAILBOXID (" + id + "))"));
  client.command("RENAME Other New");
  auto selected = client.command("SELECT New");
  CHECK(has(selected, "* OK [MAILBOXID (" + id + ")]"));
  CHECK(email_id(client, "1") == first);
  CHECK(email_id(client, "2") == first);
  client.command("CREATE Other");
  CHECK_FALSE(has(client.command("STATUS Other (MAILBOXID)"), id));
  CHECK(has(client.command("CAPABILITY"), " OBJECTID"));
}

TEST_CASE("mboxes, which keep no id of theirs, don't announce OBJECTID") {
  LogCapture log;
  TestAccount account(TestAccount::Format::Mbox);
  Client client(account);
  CHECK_FALSE(has(client.command("CAPABILITY"), "OBJECTID"));
  CHECK(has(client.command("STATUS INBOX (MAILBOXID)"), "BAD "));
  CHECK(client.command("CREATE Other") == "OK Create completed.\r\n");
  append(client, "INBOX", "Subject: x\r\n\r\nx\r\n");
  client.command("SELECT INBOX");
  CHECK(has(client.command("FETCH 1 SAVEDATE"), "(SAVEDATE NIL)"));
  CHECK(has(client.command("SEARCH SAVEDATESUPPORTED"), "* SEARCH\r\n"));
  // The internal date stands in for it.
  CHECK(has(client.command("SEARCH SAVEDSINCE 1-Jan-2000"), "* SEARCH 1\r\n"));
}

TEST_CASE(
    "SAVEDATE is when a message came into the mailbox, whatever its INTERNALDATE, and stays") {
  LogCapture log;
  TestAccount account;
  // Its name has the time 1700000001.
  account.deliver("Subject: a\n\nx\n");
  Client client(account);
  client.command("SELECT INBOX");
  auto saved = client.command("FETCH 1 SAVEDATE");
  CHECK(has(saved, "SAVEDATE \"14-Nov-2023 "));
  client.command("STORE 1 +FLAGS (\\Seen)");
  CHECK(client.command("FETCH 1 SAVEDATE") == saved);
  CHECK(has(client.command("SEARCH SAVEDON 14-Nov-2023"), "* SEARCH 1\r\n"));
  CHECK(has(client.command("SEARCH SAVEDBEFORE 1-Nov-2023"), "* SEARCH\r\n"));
  CHECK(has(client.command("SEARCH SAVEDSINCE 1-Nov-2023 SAVEDATESUPPORTED"), "* SEARCH 1\r\n"));
  CHECK(has(client.command("SEARCH SAVEDON 30-Feb-2023"), "BAD "));
  // A copy comes into its mailbox now.
  client.command("CREATE Other");
  client.command("COPY 1 Other");
  client.command("SELECT Other");
  CHECK_FALSE(has(client.command("FETCH 1 SAVEDATE"), "-2023 "));
}

TEST_CASE("PREVIEW shows the first words of the body, and LAZY only what is known already") {
  LogCapture log;
  TestAccount account;
  account.deliver("Subject: a\n\n> quoted\n\nHello \t there,\nthis is it.\n");
  account.deliver(parts);
  account.deliver("Content-Type: text/html\n\n<style>p{}</style><p>One &amp; <b>two</b></p>\n");
  account.deliver("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n");
  Client client(account);
  client.command("SELECT INBOX");
  CHECK(has(client.command("FETCH 1 PREVIEW (LAZY)"), "(PREVIEW NIL)"));
  CHECK(has(client.command("FETCH 1 PREVIEW"), "(PREVIEW \"Hello there, this is it.\")"));
  CHECK(has(client.command("FETCH 1 (PREVIEW (LAZY) UID)"),
            "(PREVIEW \"Hello there, this is it.\" UID 1)"));
  CHECK(has(client.command("FETCH 2 PREVIEW"),
            "(PREVIEW {7}\r\nGr\xc3\xbc\xc3\x9f"
            "e)"));
  CHECK(has(client.command("FETCH 3 PREVIEW"), "(PREVIEW \"One & two\")"));
  CHECK(has(client.command("FETCH 4 PREVIEW"), "(PREVIEW \"\")"));
  CHECK(has(client.command("FETCH 1 (PREVIEW (EAGER))"), "BAD "));
  CHECK_FALSE(has(client.command("FETCH 1 FLAGS"), "\\Seen"));
}

TEST_CASE("REPLACE puts a message in the place of another, in whichever mailbox") {
  LogCapture log;
  TestAccount account;
  account.deliver("Subject: a\n\nx\n");
  account.deliver("Subject: b\n\nx\n");
  Client client(account);
  CHECK(has(client.send("r REPLACE 1 INBOX {3+}\r\na\r\n\r\n", "r "), "r BAD "));
  client.command("SELECT INBOX");
  auto replaced =
      client.send("r REPLACE 1 INBOX (\\Seen) {17+}\r\nSubject: new\r\n\r\nx\r\n", "r ");
  CHECK(has(replaced, "* OK [APPENDUID "));
  CHECK(replaced.find("APPENDUID") < replaced.find("* 1 EXPUNGE"));
  CHECK(has(replaced, "r OK Replace completed."));
  CHECK(has(client.command("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"), "Subject: new"));
  CHECK(has(client.command("SEARCH SEEN"), "* SEARCH 2\r\n"));
  client.command("CREATE Sent");
  CHECK(has(client.send("r UID REPLACE 3 Sent {13+}\r\nSubject: c\r\n\r\n\r\n", "r "), "r OK "));
  CHECK(has(client.command("STATUS Sent (MESSAGES)"), "(MESSAGES 1)"));
  CHECK(has(client.command("SEARCH ALL"), "* SEARCH 1\r\n"));
}

TEST_CASE("a REPLACE that can't be carried out leaves everything as it was") {
  LogCapture log;
  TestAccount account;
  account.quota_bytes = 3000;
  account.deliver("Subject: a\n\n" + std::string(1500, 'x') + "\n");
  Client client(account);
  client.command("SELECT INBOX");
  auto big = std::string(1600, 'y') + "\r\n";
  auto text = "{" + std::to_string(big.size()) + "+}\r\n" + big + "\r\n";
  // Both together are too much, but one goes.
  CHECK(has(client.send("r APPEND INBOX " + text, "r "), "r NO [OVERQUOTA]"));
  for (const char* begin : {"r REPLACE 2 INBOX ", "r UID REPLACE 7 INBOX ", "r REPLACE 1:2 INBOX ",
                            "r REPLACE 1 Nowhere "}) {
    CAPTURE(begin);
    auto answer = client.send(begin + text, "r ");
    CHECK((has(answer, "r NO ") || has(answer, "r BAD ")));
  }
  auto several = client.send("r REPLACE 1 INBOX {1+}\r\nx {1+}\r\ny\r\n", "r ");
  CHECK(has(several, "r BAD "));
  CHECK(has(client.command("SEARCH ALL"), "* SEARCH 1\r\n"));
  CHECK(has(client.send("r REPLACE 1 INBOX " + text, "r "), "r OK "));
  CHECK(has(client.command("FETCH 1:* (UID)"), "* 1 FETCH (UID 2)\r\nOK "));
  client.command("EXAMINE INBOX");
  CHECK(has(client.send("r REPLACE 1 INBOX " + text, "r "), "r NO [NOPERM]"));
  CHECK(has(client.command("REPLACE 1 INBOX"), "BAD "));
}

TEST_CASE("a REPLACE that is too large for memory needs no room for both messages") {
  LogCapture log;
  TestAccount account;
  account.quota_bytes = 150'000;
  account.deliver("Subject: a\n\n" + std::string(100'000, 'x') + "\n");
  Client client(account);
  client.command("SELECT INBOX");
  auto big = std::string(120'000, 'y') + "\r\n";
  auto text = "{" + std::to_string(big.size()) + "+}\r\n" + big + "\r\n";
  CHECK(has(client.send("r APPEND INBOX " + text, "r "), "r NO [OVERQUOTA]"));
  CHECK(has(client.send("r REPLACE 1 INBOX " + text, "r "), "r OK "));
}

TEST_CASE("a REPLACE that can't remove the old message takes the new one back") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  append(client, "INBOX", "Subject: a\n\nx\n");
  client.command("CREATE Sent");
  client.command("SELECT INBOX");
  for (const auto& file : std::filesystem::directory_iterator(account.root() + "/Maildir/cur")) {
    auto path = file.path();
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
  }
  CHECK(has(client.send("r REPLACE 1 Sent {3+}\r\na\r\n\r\n", "r "), "r NO "));
  CHECK(has(client.command("STATUS Sent (MESSAGES)"), "(MESSAGES 0)"));
}
