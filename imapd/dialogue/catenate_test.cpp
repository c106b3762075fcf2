// CATENATE, and APPEND of messages in UTF-8.
#include "common/log/sink.h"
#include "imapd/command/append_batch.h"
#include "imapd/dialogue/testing.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

const std::string stored = "Subject: one\n\nfirst line\nsecond line\n";

std::string body_of_last(Client& client) {
  auto answer = client.command("UID FETCH * BODY.PEEK[]");
  auto begin = answer.find("}\r\n") + 3;
  return answer.substr(begin, answer.rfind(")\r\nOK") - begin);
}

std::string literal(const std::string& text) {
  return "{" + std::to_string(text.size()) + "+}\r\n" + text;
}

}  // namespace

TEST_CASE("CATENATE puts a message together from what is here and what is sent") {
  LogCapture log;
  TestAccount account;
  account.deliver(stored);
  Client client(account);
  client.command("SELECT INBOX");
  auto answer = client.send(
      "x APPEND INBOX (\\Seen) CATENATE (TEXT " + literal("Subject: two\r\n\r\n") +
          " URL \"/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=6.6\" TEXT " + literal("end\r\n") + ")\r\n",
      "x ");
  CHECK(has(answer, "x OK [APPENDUID "));
  CHECK(has(answer, "* 2 EXISTS\r\n"));
  CHECK(body_of_last(client) == "Subject: two\r\n\r\nline\r\nend\r\n");

  SUBCASE("URLs alone, of the selected mailbox, or with their text as a literal") {
    CHECK(has(client.command("APPEND INBOX CATENATE (URL \";UID=1/;SECTION=HEADER\" URL "
                             "\"/;UID=1/;section=text\")"),
              "OK [APPENDUID "));
    CHECK(body_of_last(client) == "Subject: one\r\n\r\nfirst line\r\nsecond line\r\n");
    CHECK(has(client.command("APPEND INBOX CATENATE (URL " + literal("/INBOX/;UID=1") + ")"),
              "OK [APPENDUID "));
    CHECK(body_of_last(client) == "Subject: one\r\n\r\nfirst line\r\nsecond line\r\n");
    CHECK(has(client.command("FETCH 1 FLAGS"), "FLAGS (\\Recent)"));
  }
  SUBCASE("fields of a header") {
    CHECK(has(client.command("APPEND INBOX CATENATE (URL "
                             "\"/;UID=1/;SECTION=HEADER.FIELDS.NOT%20(X)\" URL "
                             "\"/;UID=1/;SECTION=HEADER.FIELDS%20(X)\")"),
              "OK [APPENDUID "));
    CHECK(body_of_last(client) == "Subject: one\r\n\r\n\r\n");
  }
  SUBCASE("several messages, one of them whole") {
    CHECK(has(client.send("x APPEND INBOX CATENATE (URL ;UID=1) " + literal("plain\r\n") +
                              " (\\Draft) CATENATE (TEXT " + literal("a\r\n") + " TEXT " +
                              literal("b\r\n") + ")\r\n",
                          "x "),
              "* 5 EXISTS\r\n"));
    CHECK(body_of_last(client) == "a\r\nb\r\n");
    CHECK(has(client.command("FETCH 5 FLAGS"), "\\Draft"));
  }
  SUBCASE("a message too large for memory") {
    account.deliver("Subject: big\n\n" + std::string(100'000, 'x') + "\n");
    client.command("NOOP");
    CHECK(has(client.command("APPEND INBOX CATENATE (URL ;UID=3 URL ;UID=3)"), "OK [APPENDUID "));
    CHECK(body_of_last(client).size() == 2 * 100'018);
  }
}

TEST_CASE("a CATENATE that can't be done stores nothing, and says which URL it was") {
  LogCapture log;
  TestAccount account;
  account.deliver(stored);
  Client client(account, {"imap_append_limit=2000"});
  client.command("SELECT INBOX");
  struct Row {
    const char* url;
    const char* answer;
  };
  for (const auto& row : {
           Row{"/INBOX/;UID=2", "NO [BADURL /INBOX/;UID=2] "},
           Row{"/nowhere/;UID=1", "NO [BADURL /nowhere/;UID=1] "},
           Row{"/a..b/;UID=1", "NO [BADURL "},
           Row{"/INBOX;UIDVALIDITY=7/;UID=1", "NO [BADURL "},
           Row{"/INBOX/;UID=1/;SECTION=4", "NO [BADURL "},
           Row{"imap://host/INBOX/;UID=1", "NO [BADURL imap://host/INBOX/;UID=1] "},
           Row{"/INBOX/;UID=1/;PARTIAL=900", "NO Can't save a zero byte message."},
       }) {
    CAPTURE(row.url);
    auto answer = client.command("APPEND INBOX CATENATE (URL \"" + std::string(row.url) + "\")");
    CHECK(answer.starts_with(row.answer));
  }
  CHECK(client.command("APPEND nowhere CATENATE (URL ;UID=9)").starts_with("NO [TRYCREATE] "));
  // Before the client sends the literal that follows.
  CHECK(client.command("APPEND INBOX CATENATE (URL ;UID=9 TEXT {5}").starts_with("NO [BADURL "));
  // What is sent unasked is passed over to the end.
  CHECK(has(client.send("x APPEND INBOX CATENATE (URL ;UID=9 TEXT " + literal("a\r\n") + " TEXT " +
                            literal("b\r\n") + ")\r\nx2 NOOP\r\n",
                        "x2 "),
            "x NO [BADURL ;UID=9] "));
  std::string half(1500, 'x');
  CHECK(has(client.send("x APPEND INBOX CATENATE (TEXT " + literal(half) + " TEXT " +
                            literal(half) + ")\r\n",
                        "x "),
            "x NO [TOOBIG] "));
  CHECK(client.command("APPEND INBOX CATENATE ()").starts_with("BAD "));
  CHECK(client.command("APPEND INBOX CATENATE (URL x").starts_with("BAD "));
  CHECK(client.command("APPEND INBOX").starts_with("BAD "));
  CHECK(client.send("x APPEND INBOX CATENATE (TEXT " + literal("a\r\n") + " junk\r\n", "x ")
            .starts_with("x BAD "));
  CHECK(has(client.command("STATUS INBOX (MESSAGES)"), "MESSAGES 1)"));
  client.command("UNSELECT");
  CHECK(client.command("APPEND INBOX CATENATE (URL ;UID=1)").starts_with("NO [BADURL ;UID=1] "));
  CHECK(has(client.command("APPEND INBOX CATENATE (URL /INBOX/;UID=1)"), "OK [APPENDUID "));
}

TEST_CASE("APPEND takes a message in UTF8 (…) once the client has enabled it") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  const std::string text =
      "Subject: Gr\xc3\xbc\xc3\x9f"
      "e\r\n\r\nx\r\n";
  auto command = "x APPEND INBOX UTF8 (~" + literal(text) + ")\r\n";
  CHECK(has(client.send(command, "x "), "x BAD "));
  CHECK(has(client.command("ENABLE UTF8=ACCEPT"), "* ENABLED UTF8=ACCEPT\r\n"));
  CHECK(has(client.send(command, "x "), "x OK [APPENDUID "));
  CHECK(has(client.send("x APPEND INBOX CATENATE (UTF8 (~" + literal(text) + ") TEXT " +
                            literal("more\r\n") + ")\r\n",
                        "x "),
            "x OK [APPENDUID "));
  client.command("SELECT INBOX");
  CHECK(body_of_last(client) == text + "more\r\n");
  CHECK(has(client.send("x APPEND INBOX UTF8 (~" + literal(text) + "\r\n", "x "), "x BAD "));
}

TEST_CASE("a command has at most so many messages and parts, and stores none of too many") {
  LogCapture log;
  TestAccount account;
  Client client(account);
  std::string messages;
  for (std::size_t i = 0; i <= AppendBatch::messages_max; ++i) messages += ' ' + literal("x\r\n");
  CHECK(has(client.send("x APPEND INBOX" + messages + "\r\n", "x "), "x NO [LIMIT] "));
  std::string parts;
  for (std::size_t i = 0; i <= AppendBatch::parts_max + AppendBatch::messages_max; ++i) {
    parts += (i == 0 ? "TEXT " : " TEXT ") + literal("x\r\n");
  }
  CHECK(has(client.send("x APPEND INBOX CATENATE (" + parts + ")\r\n", "x "), "x NO [LIMIT] "));
  CHECK(has(client.command("STATUS INBOX (MESSAGES)"), "(MESSAGES 0)"));
}
