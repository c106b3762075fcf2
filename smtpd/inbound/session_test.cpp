#include "smtpd/inbound/session.h"

#include <algorithm>
#include <tuple>

#include "common/tls/testing.h"

#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

bool logged(const Stage& stage, std::string_view line) {
  auto lines = stage.log.lines();
  return std::ranges::find(lines, line) != lines.end();
}

const char* const envelope = R"(
  S: 220 mail.example.com ESMTP Pennypost
  C: EHLO client.example
  S* 250
  C: MAIL FROM:<ann@client.example>
  S: 250 2.1.0 Ok
  C: RCPT TO:<bob@example.com>
  S: 250 2.1.5 Ok
)";

const char* const quit = R"(
  C: QUIT
  S: 221 2.0.0 Bye
  S!
)";

}  // namespace

TEST_CASE("a message goes from the greeting to the queue") {
  Stage stage;
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-CHUNKING
    S: 250 HELP
    C: MAIL FROM:<ann@client.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x+2By
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40x
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Message-ID: <1@client.example>
    C: Subject: hello
    C:
    C: ..
    C: text
    C: .
    S: 250 2.0.0 Ok: queued as QUEUEID
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  REQUIRE(stage.backend.messages.size() == 1);
  const Envelope& sent = stage.backend.messages[0].envelope;
  CHECK(sent.id.value() == "QUEUEID");
  CHECK(sent.sender == "ann@client.example");
  CHECK(sent.client_name == "client.example");
  CHECK(sent.client_address == "198.51.100.9");
  CHECK(sent.helo == "client.example");
  CHECK(sent.protocol == "ESMTP");
  CHECK(sent.message_id == "<1@client.example>");
  CHECK(sent.is_8bit);
  CHECK(sent.ret == Ret::Headers);
  CHECK(sent.envid == "x+y");
  CHECK(sent.arrival == stage.clock.now().count());
  REQUIRE(sent.recipients.size() == 1);
  CHECK(sent.recipients[0].number == 1);
  CHECK(sent.recipients[0].address == "bob@example.com");
  CHECK(sent.recipients[0].orcpt == "rfc822;b@x");
  CHECK(sent.recipients[0].notify == (notify_success | notify_delay));
  CHECK(stage.backend.content_as_sent() ==
        "Message-ID: <1@client.example>\nSubject: hello\n\n.\ntext\n");
  auto received = stage.backend.content();
  CHECK(received.find("client.example [198.51.100.9]") != std::string::npos);
  CHECK(received.find("with ESMTP id QUEUEID") != std::string::npos);
  CHECK(received.find("for <bob@example.com>") != std::string::npos);
  CHECK(logged(stage, "smtpd: connect from client.example[198.51.100.9]"));
  CHECK(logged(stage, "smtpd: QUEUEID: client=client.example[198.51.100.9]"));
  CHECK(logged(stage, "cleanup: QUEUEID: message-id=<1@client.example>"));
  CHECK(logged(stage,
               "smtpd: disconnect from client.example[198.51.100.9] data=1 ehlo=1 mail=1 quit=1 "
               "rcpt=1 commands=5"));
}

TEST_CASE("pipelined commands are answered in order") {
  Stage stage;
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C> MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.com>\r\nRCPT TO:<x@else.example>\r\nDATA\r\n
    S: 250 2.1.0 Ok
    S: 250 2.1.5 Ok
    S: 554 5.7.1 <x@else.example>: Relay access denied
    S~ 354
    C> hello\r\n.\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nQUIT\r\n
    S~ 250 2.0.0 Ok: queued as
    S: 250 2.1.0 Ok
    S: 250 2.0.0 Ok
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(logged(stage,
               "smtpd: QUEUEID: reject: RCPT from client.example[198.51.100.9]: 554 5.7.1 "
               "<x@else.example>: Relay access denied; from=<a@b.example> to=<x@else.example> "
               "proto=ESMTP helo=<client.example>"));
}

TEST_CASE("commands out of order and with bad arguments get Postfix's answers") {
  Stage stage;
  CHECK(stage.run(R"(
    S~ 220
    C: RCPT TO:<bob@example.com>
    S: 503 5.5.1 Error: need MAIL command
    C: DATA
    S: 503 5.5.1 Error: need MAIL command
    C: EHLO
    S: 501 Syntax: EHLO hostname
    C: HELO client.example
    S: 250 mail.example.com
    C: MAIL FROM:<ann@@client.example>
    S~ 501 5.1.7 Bad sender address syntax
    C: MAIL ann@client.example
    S~ 501 5.5.4
    C: MAIL FROM:<ann@client.example> FROBNICATE=1
    S~ 555 5.5.4
    C: MAIL FROM:<ann@client.example> SIZE=99999999999
    S: 552 5.3.4 Message size exceeds fixed limit
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: MAIL FROM:<ann@client.example>
    S: 503 5.5.1 Error: nested MAIL command
  )") == "");
  CHECK(stage.run(R"(
    S~ 220
    C: HELO client.example
    S~ 250
    C: mail from:<ann@client.example>
    S: 250 2.1.0 Ok
    C: DATA
    S: 554 5.5.1 Error: no valid recipients
    C: RCPT TO:<bob@example.com@example.net>
    S~ 501 5.1.3 Bad recipient address syntax
    C: RCPT TO:<>
    S~ 501 5.1.3 Bad recipient address syntax
    C: FROBNICATE
    S: 500 5.5.2 Error: command not recognized
    C: STARTTLS
    S: 502 5.5.1 Error: command not implemented
    C: AUTH PLAIN
    S: 503 5.5.1 Error: authentication not enabled
    C: VRFY bob@example.com
    S: 252 2.0.0 bob@example.com
    C: HELP
    S: 214-2.0.0 Commands: AUTH BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY
    S~ 214 2.0.0 See
    C: NOOP anything
    S: 250 2.0.0 Ok
  )") == "");
}

TEST_CASE("a browser that talks to us is sent away") {
  Stage stage;
  CHECK(stage.run(R"(
    S~ 220
    C: GET / HTTP/1.1
    S~ 221 2.7.0
    S!
  )") == "");
  CHECK(stage.run(R"(
    S~ 220
    C: Host: mail.example.com
    S~ 221 2.7.0
    S!
  )") == "");
}

TEST_CASE("an address that begins with - is refused, as a program could take it for an option") {
  std::string lines = R"(
    S~ 220
    C: HELO x
    S~ 250
    C: MAIL FROM:<-x@a.example>
    S: 501 5.1.7 Bad sender address syntax
    C: MAIL FROM:<x@-a.example>
    S~ 501
    C: MAIL FROM:<x-@a.example>
    S~ 250
    C: RCPT TO:<-bob@example.com>
    S: 501 5.1.3 Bad recipient address syntax
    C: RCPT TO:<"-bob"@example.com>
    S: 501 5.1.3 Bad recipient address syntax
  )";
  Stage stage;
  CHECK(stage.run(lines) == "");
  Stage allowing({"allow_min_user=yes"});
  CHECK(allowing.run("S~ 220\nC: HELO x\nS~ 250\nC: MAIL FROM:<-x@a.example>\nS~ 250\n"
                     "C: RCPT TO:<-bob@example.com>\nS~ 250\n") == "");
}

TEST_CASE("commands can be forbidden, and made to do nothing") {
  Stage stage({"smtpd_forbidden_commands=XGET, trace", "smtpd_noop_commands=VRFY, xnothing"});
  CHECK(stage.run(R"(
    S~ 220
    C: VRFY bob
    S: 250 2.0.0 Ok
    C: XNOTHING
    S: 250 2.0.0 Ok
    C: GET /
    S: 500 5.5.2 Error: command not recognized
    C: xget /
    S~ 221 2.7.0
    S!
  )") == "");
}

TEST_CASE("a stranger's mail gets what it lacks only with always_add_missing_headers") {
  for (bool is_added : {false, true}) {
    Stage stage({"undisclosed_recipients_header=To: undisclosed-recipients:;",
                 "mynetworks=192.0.2.0/24",
                 std::string("always_add_missing_headers=") + (is_added ? "yes" : "no")});
    CHECK(stage.run(envelope + std::string("C: DATA\nS* 354\nC: Subject: x\nC:\nC: .\nS* 250\n")) ==
          "");
    auto content = stage.backend.content();
    for (const char* field : {"From: ann@client.example\n",
                              "Date: ", "Message-ID: ", "To: undisclosed-recipients:;\n"}) {
      CAPTURE(field);
      CHECK((content.find(field) != content.npos) == is_added);
    }
  }
}

TEST_CASE("bare newlines are refused and end the connection") {
  for (std::string bytes :
       {"C> a\\nb\\r\\n", "C> a\\rb\\r\\n", "C> a\\r\\n.\\n", "C> a\\n.\\r\\n"}) {
    CAPTURE(bytes);
    Stage stage;
    CHECK(stage.run(envelope + std::string(R"(
      C: DATA
      S~ 354
      )") + bytes + R"(
      S~ 550 5.5.2 Error: bare <
      S!
    )") == "");
    CHECK(stage.backend.messages.empty());
  }
  Stage stage;
  CHECK(stage.run(R"(
    S~ 220
    C> EHLO a\nEHLO b\r\n
    S: 550 5.5.2 Error: bare <LF> received
    S!
  )") == "");
  Stage lenient({"smtpd_forbid_bare_newline=normalize"});
  CHECK(lenient.run(envelope + std::string(R"(
    C: DATA
    S~ 354
    C> Subject: x\n\nfoo\n.\nbar\r\n.\r\n
    S~ 250 2.0.0 Ok
  )")) == "");
  CHECK(lenient.backend.content_as_sent() == "Subject: x\n\nfoo\n\nbar\n");
}

TEST_CASE("large content goes into a synced file, byte for byte") {
  Stage stage;
  std::string script = envelope + std::string("C: DATA\nS~ 354\nC: Subject: large\nC:\n");
  std::string sent = "Subject: large\n\n";
  for (int i = 0; i < 3000; ++i) {
    std::string line = std::to_string(i) + std::string(90, 'x');
    script += "C: " + line + "\n";
    sent += line + "\n";
  }
  script += "C: .\nS~ 250 2.0.0 Ok: queued\n";
  CHECK(stage.run(script + quit) == "");
  const Envelope& got = stage.backend.messages.at(0).envelope;
  CHECK(got.body_is_file);
  CHECK(got.body_bytes == sent.size());
  CHECK(stage.backend.dropped.empty());
  CHECK(stage.backend.content_as_sent() == sent);
}

TEST_CASE("the file of a large message that is broken off is given up at once") {
  constexpr int lines = 3000;
  std::string content;
  for (int i = 0; i < lines; ++i) content += "C: " + std::string(98, 'x') + "\n";
  Stage stage;
  SUBCASE("by RSET") {
    std::string chunk = "C: BDAT " + std::to_string(lines * 100) + "\n" + content + "S~ 250\n";
    CHECK(stage.run(envelope + chunk + "C: RSET\nS~ 250\n" + quit) == "");
  }
  SUBCASE("by hanging up") {
    CHECK(stage.run(envelope + std::string("C: DATA\nS~ 354\n") + content) == "");
  }
  CHECK(stage.backend.dropped.size() == 1);
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("a full disk is 452, and the session goes on") {
  Stage stage;
  stage.backend.is_disk_full = true;
  std::string script = envelope + std::string("C: DATA\nS~ 354\n");
  for (int i = 0; i < 3000; ++i) script += "C: " + std::string(90, 'x') + "\n";
  script += "C: .\nS: 452 4.3.1 Insufficient system storage\n";
  CHECK(stage.run(script + quit) == "");
  CHECK(stage.run(envelope + std::string(R"(
    C: DATA
    S~ 354
    C: small
    C: .
    S: 452 4.3.1 Insufficient system storage
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
  )")) == "");
}

TEST_CASE(
    "a message has at most smtpd_recipient_limit recipients; the client may send it to those") {
  Stage stage({"smtpd_recipient_limit=100"});
  std::string script = envelope;
  for (int i = 1; i < 100; ++i) {
    script += "C: RCPT TO:<bob+" + std::to_string(i) + "@example.com>\nS: 250 2.1.5 Ok\n";
  }
  script += R"(
    C: RCPT TO:<bob+100@example.com>
    S: 452 4.5.3 Error: too many recipients
    C: DATA
    S~ 354
    C: .
    S: 250 2.0.0 Ok: queued as QUEUEID
  )";
  CHECK(stage.run(script + quit) == "");
  REQUIRE(stage.backend.messages.size() == 1);
  CHECK(stage.backend.messages[0].envelope.recipients.size() == 100);
}

TEST_CASE("what is too large, too long or loops is refused at its end") {
  Stage small({"message_size_limit=2000", "smtpd_line_length_limit=998"});
  std::string big = "C: DATA\nS~ 354\n";
  for (int i = 0; i < 30; ++i) big += "C: " + std::string(98, 'x') + "\n";
  CHECK(small.run(envelope + big + "C: .\nS: 552 5.3.4 Error: message file too big\n" + quit) ==
        "");
  CHECK(small.run(envelope + std::string("C: DATA\nS~ 354\nC: ") + std::string(999, 'x') +
                  "\nC: .\nS: 554 5.6.0 Error: a line is longer than 998 bytes\n" + quit) == "");
  Stage loops({"hopcount_limit=5"});
  std::string hops = "C: DATA\nS~ 354\n";
  for (int i = 0; i < 6; ++i) hops += "C: Received: by somewhere\n";
  CHECK(loops.run(envelope + hops + "C:\nC: .\nS: 554 5.4.0 Error: too many hops\n" + quit) == "");
  CHECK(small.backend.messages.empty());
  CHECK(loops.backend.messages.empty());
}

TEST_CASE("chunks are taken like DATA, and their errors stay in step") {
  Stage stage;
  CHECK(stage.run(envelope + std::string(R"(
    C> BDAT 14\r\nSubject: x\r\n\r\n
    S: 250 2.0.0 Ok: 14 bytes
    C: RCPT TO:<carol@example.com>
    S: 503 5.5.1 Error: RCPT after BDAT
    C: DATA
    S: 503 5.5.1 Error: DATA after BDAT
    C> BDAT 6 LAST\r\n.\r\nend
    S: 250 2.0.0 Ok: queued as QUEUEID
    C> BDAT 5\r\nhello
    S: 503 5.5.1 Error: need MAIL command
    C: NOOP
    S: 250 2.0.0 Ok
    C: BDAT what
    S: 501 5.5.4 Syntax: BDAT count [LAST]
    S!
  )")) == "");
  CHECK(stage.backend.content_as_sent() == "Subject: x\n\n.\nend\n");
}

TEST_CASE("behind a refused chunk the last one is refused, too, and ends the transaction") {
  Stage stage({"smtpd_line_length_limit=998"});
  CHECK(stage.run(envelope + std::string("C> BDAT 1001\\r\\n") + std::string(999, 'x') +
                  "\\r\\n\nS: 554 5.6.0 Error: a line is longer than 998 bytes\n"
                  "C> BDAT 5\\r\\nabc\\r\\n\n"
                  "S: 503 5.5.1 Error: an earlier chunk was refused\n"
                  "C: MAIL FROM:<ann@client.example>\nS: 503 5.5.1 Error: nested MAIL command\n"
                  "C> BDAT 5 LAST\\r\\nend\\r\\n\n"
                  "S: 503 5.5.1 Error: an earlier chunk was refused\n"
                  "C: MAIL FROM:<ann@client.example>\nS: 250 2.1.0 Ok\n" +
                  quit) == "");
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("a message without header gets its empty line, an mbox line becomes a field") {
  Stage stage;
  CHECK(stage.run(envelope + std::string("C: DATA\nS~ 354\nC: just text\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.content_as_sent() == "\njust text\n");
  CHECK(stage.run(envelope + std::string("C: DATA\nS~ 354\nC: From ann Sat\nC: Subject: x\nC:\n"
                                         "C: text\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.content_as_sent() == "X-Mailbox-Line: From ann Sat\nSubject: x\n\ntext\n");
}

TEST_CASE("a client of ours gets the header fields that its message lacks") {
  Stage stage({"mynetworks=198.51.100.0/24"});
  CHECK(stage.run(envelope + std::string("C: DATA\nS~ 354\nC: Subject: x\nC: To: carol\nC:\n"
                                         "C: text\nC: .\nS~ 250\n")) == "");
  auto content = stage.backend.content_as_sent();
  CHECK(content.find("\nDate: ") != std::string::npos);
  CHECK(content.find("Message-ID: <") != std::string::npos);
  CHECK(content.find("From: ann@client.example") != std::string::npos);
  CHECK(content.find("To: carol@mail.example.com") != std::string::npos);
  CHECK(content.ends_with("\n\ntext\n"));
  CHECK(stage.backend.messages[0].envelope.message_id.find("QUEUEID") != std::string::npos);
  // Messages of strangers are not changed.
  Stage foreign;
  CHECK(foreign.run(envelope + std::string("C: DATA\nS~ 354\nC: Subject: x\nC:\nC: .\nS~ 250\n")) ==
        "");
  CHECK(foreign.backend.content_as_sent() == "Subject: x\n\n");
}

TEST_CASE("canonical maps rewrite the sender of all, and the header of clients of ours") {
  const std::string dialogue =
      "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<old@client.example>\nS~ 250\n"
      "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: From: Ann <old@client.example>\n"
      "C: To: old, bob@example.com\nC: Date: x\nC: Message-ID: <a@b>\nC: Subject: "
      "old@client.example\n"
      "C:\nC: old@client.example\nC: .\nS~ 250\nC: QUIT\nS~ 221\n";
  const std::string maps = "canonical_maps=inline:{a=b}";
  Stage ours({maps, "mynetworks=198.51.100.0/24"});
  CHECK(ours.run(dialogue) == "");
  CHECK(ours.backend.messages[0].envelope.sender == "new@client.example");
  CHECK(ours.backend.content_as_sent() ==
        "From: Ann <new@client.example>\nTo: new@mail.example.com, bob@example.com\nDate: x\n"
        "Message-ID: <a@b>\nSubject: old@client.example\n\nold@client.example\n");
  REQUIRE(ours.backend.canonicalized.size() == 1);
  CHECK(ours.backend.canonicalized[0].in_header.size() == 3);

  Stage stranger({maps});
  CHECK(stranger.run(dialogue) == "");
  CHECK(stranger.backend.messages[0].envelope.sender == "new@client.example");
  CHECK(stranger.backend.content_as_sent().find("From: Ann <old@client.example>") == 0);
  CHECK(stranger.backend.canonicalized.at(0).in_header.empty());

  Stage without({"mynetworks=198.51.100.0/24"});
  CHECK(without.run(dialogue) == "");
  CHECK(without.backend.canonicalized.empty());
  CHECK(without.backend.messages[0].envelope.sender == "old@client.example");
}

TEST_CASE("From is added with the sender as rewritten by canonical maps") {
  Stage stage({"canonical_maps=inline:{a=b}", "mynetworks=198.51.100.0/24"});
  CHECK(stage.run("S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<old@client.example>\nS~ 250\n"
                  "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: Subject: x\nC:\n"
                  "C: .\nS~ 250\nC: QUIT\nS~ 221\n") == "");
  CHECK(stage.backend.content_as_sent().find("From: new@client.example\n") != std::string::npos);
}

TEST_CASE("blind copies are recipients whom no report and no Received names") {
  std::string dialogue =
      "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<>\nS~ 250\n"
      "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: From: old@a.example\nC:\n"
      "C: .\nS~ 250\nC: QUIT\nS~ 221\n";
  Stage stage({"always_bcc=archive@example.org", "recipient_bcc_maps=inline:{a=b}",
               "mynetworks=198.51.100.0/24"});
  stage.backend.copies = {"archive@example.org", "bob@example.com"};
  CHECK(stage.run(dialogue) == "");
  REQUIRE(stage.backend.canonicalized.size() == 1);
  CHECK(stage.backend.canonicalized[0].recipients == std::vector<std::string>{"bob@example.com"});
  CHECK(stage.backend.canonicalized[0].in_header.empty());
  const auto& recipients = stage.backend.messages.at(0).envelope.recipients;
  REQUIRE(recipients.size() == 2);
  CHECK(recipients[1].address == "archive@example.org");
  CHECK(recipients[1].notify == notify_never);
  CHECK(stage.backend.content().find("archive") == std::string::npos);

  Stage without({"always_bcc=archive@example.org", "canonical_maps=inline:{a=b}",
                 "receive_override_options=no_address_mappings", "mynetworks=198.51.100.0/24"});
  CHECK(without.run(dialogue) == "");
  CHECK(without.backend.canonicalized.empty());
  CHECK(without.backend.messages.at(0).envelope.recipients.at(0).is_virtual_self);
  CHECK(without.backend.content_as_sent().find("From: old@a.example") != std::string::npos);
}

TEST_CASE("remote_header_rewrite_domain completes the headers of strangers' mail") {
  std::string dialogue =
      "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<ann@a.example>\nS~ 250\n"
      "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: From: ann\n"
      "C: To: bob@host, old@a.example\nC:\nC: .\nS~ 250\nC: QUIT\nS~ 221\n";
  Stage untouched({"append_dot_mydomain=yes"});
  CHECK(untouched.run(dialogue) == "");
  CHECK(untouched.backend.content_as_sent() == "From: ann\nTo: bob@host, old@a.example\n\n");
  Stage stage({"append_dot_mydomain=yes", "remote_header_rewrite_domain=domain.invalid",
               "canonical_maps=inline:{a=b}"});
  CHECK(stage.run(dialogue) == "");
  auto text = stage.backend.content_as_sent();
  CHECK(text.find("From: ann@domain.invalid\n") != std::string::npos);
  CHECK(text.find("To: bob@host.domain.invalid, new@a.example\n") != std::string::npos);
  CHECK(text.find("Message-ID: <") != std::string::npos);
}

TEST_CASE("where canonical maps can't tell now, the message is to be sent again") {
  Stage stage({"sender_canonical_maps=inline:{a=b}", "mynetworks=198.51.100.0/24"});
  stage.backend.is_canonical_down = true;
  CHECK(stage.run("S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<ann@client.example>\nS~ 250\n"
                  "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: x\nC:\n"
                  "C: .\nS: 451 4.3.0 Error: temporary lookup failure\nC: QUIT\nS~ 221\n") == "");
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("an address that mynetworks excludes with ! is not in it") {
  for (bool is_excluded : {true, false}) {
    std::string last = is_excluded ? "9" : "8";
    Stage stage({"mynetworks=!198.51.100." + last + ", 198.51.100.0/24"});
    CHECK(stage.run(std::string(envelope) + quit) == "");
    CHECK(stage.backend.asked.at(0).is_in_mynetworks != is_excluded);
  }
}

TEST_CASE("a network of mynetworks behind a table is left to those who can ask the table") {
  for (bool is_behind : {true, false}) {
    std::string table = "!cidr:/etc/strangers", network = "198.51.100.0/24";
    Stage stage({"mynetworks=" + (is_behind ? table + ", " + network : network + ", " + table)});
    CHECK(stage.run(std::string(envelope) + quit) == "");
    CHECK(stage.backend.asked.at(0).is_in_mynetworks != is_behind);
  }
}

TEST_CASE("a table that can't be asked is 451") {
  Stage stage;
  stage.backend.is_lookup_down = true;
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S~ 250
    C: RCPT TO:<bob@example.com>
    S: 451 4.3.0 <bob@example.com>: Temporary lookup failure
  )") == "");
  CHECK(logged(stage,
               "smtpd: NOQUEUE: reject: RCPT from client.example[198.51.100.9]: 451 4.3.0 "
               "<bob@example.com>: Temporary lookup failure; from=<ann@client.example> "
               "to=<bob@example.com> proto=ESMTP helo=<client.example>"));
}

TEST_CASE("submission wants TLS and a login before it takes mail") {
  Stage stage({}, Service::Submission);
  stage.has_auth = true;
  CHECK(stage.run(R"(
    S~ 220
    C: MAIL FROM:<bob@example.com>
    S: 503 5.5.1 Error: send HELO/EHLO first
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<bob@example.com>
    S~ 530 5.7.0
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 538 5.7.11 Encryption required for requested authentication mechanism
  )") == "");
  CHECK(stage.auth.steps.empty());
}

TEST_CASE("a client that leaves in the middle of AUTH leaves nothing behind in the auth process") {
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
  )") == "");
  CHECK(stage.auth.aborted == 1);
}

TEST_CASE("Received names the login only with smtpd_sasl_authenticated_header") {
  for (bool is_shown : {false, true}) {
    Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no",
                 std::string("smtpd_sasl_authenticated_header=") + (is_shown ? "yes" : "no")});
    CHECK(stage.run(R"(
      S~ 220
      C: EHLO client.example
      S* 250
      C: AUTH PLAIN AGJvYgBzZWNyZXQ=
      S* 235
      C: MAIL FROM:<bob@example.com>
      S: 250 2.1.0 Ok
      C: RCPT TO:<x@else.example>
      S: 250 2.1.5 Ok
      C: DATA
      S* 354
      C: .
      S* 250
    )") == "");
    auto content = stage.backend.content();
    CHECK((content.find("(Authenticated sender: bob)") != content.npos) == is_shown);
  }
}

TEST_CASE("a login opens the way out, a failed one does not") {
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  CHECK(stage.run(R"(
    S~ 220
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: send EHLO first
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-AUTH PLAIN LOGIN SCRAM-SHA-256
    S* 250
    C: AUTH PLAIN AGJvYgB3cm9uZw==
    S: 535 5.7.8 Error: authentication failed
    C: MAIL FROM:<bob@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: MAIL transaction in progress
    C: RSET
    S~ 250
    C: AUTH FOO
    S: 504 5.5.4 Unrecognized authentication type
    C: AUTH PLAIN !!!
    S: 501 5.5.2 Error: the response is not base64
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: *
    S: 501 5.7.0 Authentication aborted
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: Ym9i
    S: 334 UGFzc3dvcmQ6
    C: c2VjcmV0
    S: 235 2.7.0 Authentication successful
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 503 5.5.1 Error: already authenticated
    C: MAIL FROM:<bob@example.com> AUTH=<>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: .
    S~ 250 2.0.0 Ok: queued
  )") == "");
  const Envelope& sent = stage.backend.messages.at(0).envelope;
  CHECK(sent.protocol == "ESMTPA");
  CHECK(sent.sasl_username == "bob");
  CHECK(sent.sasl_method == "LOGIN");
  CHECK(logged(stage,
               "smtpd: warning: client.example[198.51.100.9]: SASL PLAIN authentication failed: "
               "wrong password, sasl_username=bob"));
  CHECK(logged(stage,
               "smtpd: QUEUEID: client=client.example[198.51.100.9], sasl_method=LOGIN, "
               "sasl_username=bob"));
}

TEST_CASE("passwords in the clear are not offered to strangers") {
  Stage stage({"smtpd_sasl_auth_enable=yes"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 538 5.7.11 Encryption required for requested authentication mechanism
    C: AUTH LOGIN
    S: 538 5.7.11 Encryption required for requested authentication mechanism
  )") == "");
  CHECK(stage.auth.steps.empty());
}

TEST_CASE("too many errors end the session") {
  Stage stage(
      {"smtpd_hard_error_limit=3", "smtpd_soft_error_limit=2", "smtpd_error_sleep_time=0s"});
  CHECK(stage.run(R"(
    S~ 220
    C: ONE
    S~ 500
    C: TWO
    S~ 500
    C: THREE
    S~ 500
    S: 421 4.7.0 mail.example.com Error: too many errors
    S!
  )") == "");
  CHECK(logged(stage, "smtpd: too many errors after UNKNOWN from client.example[198.51.100.9]"));
}

TEST_CASE("a client that vanishes or falls silent is noted") {
  Stage stage;
  CHECK(stage.run("S~ 220\nC: EHLO client.example\nS* 250\nC: MAIL FROM:<a@b.example>\nS~ 250\n") ==
        "");
  CHECK(logged(stage, "smtpd: lost connection after MAIL from client.example[198.51.100.9]"));
  Stage silent({"smtpd_timeout=1s"});
  CHECK(silent.run(R"(
    S~ 220
    S: 421 4.4.2 mail.example.com Error: timeout exceeded
  )") == "");
  CHECK(logged(silent, "smtpd: timeout after CONNECT from client.example[198.51.100.9]"));
}

TEST_CASE("hold and discard go with the message, restrictions are asked where they stand") {
  Stage stage({"smtpd_data_restrictions=reject_unauth_pipelining"});
  stage.backend.is_holding = true;
  CHECK(stage.run(envelope + std::string("C: DATA\nS~ 354\nC: x\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.messages.at(0).envelope.is_held);
  CHECK(stage.backend.lists == std::vector<std::string>{"smtpd_data_restrictions"});
  stage.backend.is_discarding = true;
  CHECK(stage.run(envelope + std::string("C: DATA\nS~ 354\nC: x\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.messages.size() == 1);
  stage.backend.refused_list = "smtpd_data_restrictions";
  CHECK(stage.run(envelope + std::string("C: DATA\nS: 554 5.7.1 no\n")) == "");

  Stage early({"smtpd_delay_reject=no", "smtpd_client_restrictions=reject"});
  early.backend.refused_list = "smtpd_client_restrictions";
  CHECK(early.run("S: 554 5.7.1 no\nS!\n") == "");
}

TEST_CASE("a recipient named twice is one recipient, and an address without domain is completed") {
  Stage stage;
  CHECK(stage.run(envelope + std::string(R"(
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: RCPT TO:<postmaster>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: x
    C: .
    S~ 250
  )")) == "");
  const Envelope& sent = stage.backend.messages.at(0).envelope;
  REQUIRE(sent.recipients.size() == 2);
  CHECK(sent.recipients[1].address == "postmaster@mail.example.com");
  CHECK(stage.backend.content().find(" for <") == std::string::npos);
}

TEST_CASE("STARTTLS forgets what was said and drops what was sent ahead") {
  TestCertificate certificate;
  Stage stage({"smtpd_forbid_unauth_pipelining=no", "smtpd_tls_loglevel=1",
               "smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-STARTTLS
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C> STARTTLS\r\nMAIL FROM:<injected@client.example>\r\nRCPT TO:<bob@example.com>\r\n
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: RCPT TO:<bob@example.com>
    S: 503 5.5.1 Error: need MAIL command
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S* 250
    C: STARTTLS
    S: 554 5.5.1 Error: TLS already active
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: .
    S~ 250 2.0.0 Ok: queued
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(stage.backend.messages.at(0).envelope.protocol == "ESMTPS");
  auto content = stage.backend.content();
  CHECK(content.find("using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)") !=
        std::string::npos);
  CHECK(logged(stage,
               "smtpd: improper command pipelining after STARTTLS from "
               "client.example[198.51.100.9]"));
}

TEST_CASE("REQUIRETLS is offered and taken behind TLS alone, and stays with the message") {
  TestCertificate certificate;
  Stage stage({"smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example> REQUIRETLS
    S: 555 5.5.4 Unsupported option: REQUIRETLS without TLS
    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-REQUIRETLS
    S* 250
    C: MAIL FROM:<ann@client.example> REQUIRETLS
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: TLS-Required: No
    C:
    C: .
    S~ 250 2.0.0 Ok: queued
    C: QUIT
    S~ 221
    S!
  )") == "");
  const auto& taken = stage.backend.messages.at(0).envelope;
  CHECK(taken.requires_tls);
  CHECK_FALSE(taken.forgoes_tls());
  CHECK(stage.backend.content_as_sent().starts_with("Require-TLS-ESMTP: yes\nTLS-Required: No\n"));
}

TEST_CASE("what a header says of TLS counts as the settings say") {
  const std::string begin =
      "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<a@client.example>\nS~ 250\n"
      "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: ";
  const std::string end = "\nC:\nC: x\nC: .\nS~ 250\nC: QUIT\nS~ 221\n";
  struct Row {
    const char* field;
    const char* setting;
    bool requires_tls;
    bool forgoes_tls;
  };
  for (const Row& row :
       {Row{"TLS-Required: no", "tls_required_enable=yes", false, true},
        Row{"tls-required:  NO", "tls_required_enable=yes", false, true},
        Row{"TLS-Required: yes", "tls_required_enable=yes", false, false},
        Row{"TLS-Required: no", "tls_required_enable=no", false, false},
        Row{"Require-TLS-ESMTP: yes", "requiretls_esmtp_header=yes", true, false},
        Row{"Require-TLS-ESMTP: no", "requiretls_esmtp_header=yes", false, false},
        Row{"Require-TLS-ESMTP: yes", "requiretls_esmtp_header=no", false, false},
        Row{"Require-TLS-ESMTP: yes", "requiretls_enable=no", false, false},
        Row{"Require-TLS-ESMTP: yes\nC: TLS-Required: no", "requiretls_enable=yes", true, false}}) {
    CAPTURE(row.field);
    CAPTURE(row.setting);
    Stage stage({row.setting});
    CHECK(stage.run(begin + row.field + end) == "");
    const auto& taken = stage.backend.messages.at(0).envelope;
    CHECK(taken.requires_tls == row.requires_tls);
    CHECK(taken.forgoes_tls() == row.forgoes_tls);
  }
}

TEST_CASE("behind STARTTLS neither the name of HELO nor a login counts any more") {
  TestCertificate certificate;
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no", "smtpd_helo_required=yes",
               "smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 235 2.7.0 Authentication successful
    C: STARTTLS
    S: 220 2.0.0 Ready to start TLS
    TLS
    C: MAIL FROM:<ann@client.example>
    S: 503 5.5.1 Error: send HELO/EHLO first
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 554 5.7.1 <x@else.example>: Relay access denied
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
}

TEST_CASE("where TLS is required nothing goes without it") {
  TestCertificate certificate;
  Stage stage({"smtpd_tls_security_level=encrypt", "smtpd_tls_cert_file=" + certificate.path()});
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 530 5.7.0 Must issue a STARTTLS command first
    C: VRFY bob
    S: 530 5.7.0 Must issue a STARTTLS command first
    C: NOOP
    S: 250 2.0.0 Ok
    C: STARTTLS
    S~ 220
    TLS
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
  )") == "");
}

TEST_CASE("SCRAM is not offered, nor taken, where it serves not all") {
  Stage stage({"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  stage.auth.serves_scram = false;
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-AUTH PLAIN LOGIN
    S* 250
    C: AUTH SCRAM-SHA-256
    S: 504 5.5.4 Unrecognized authentication type
  )") == "");
  CHECK(stage.auth.steps.empty());
  // A setting's words may be written in any case.
  Stage secret({"smtpd_sasl_auth_enable=yes", "smtpd_sasl_security_options=NoPlainText"});
  secret.auth.serves_scram = false;
  CHECK(secret.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
  )") == "");
}

TEST_CASE("submissions speaks TLS from the first byte, and takes mail after a login") {
  TestCertificate certificate;
  Stage stage({}, Service::Submissions);
  stage.tls = certificate.server();
  CHECK(stage.run(R"(
    TLS
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-AUTH PLAIN LOGIN SCRAM-SHA-256
    S* 250
    C: MAIL FROM:<bob@example.com>
    S: 530 5.7.0 Authentication required
    C: AUTH PLAIN AGJvYgBzZWNyZXQ=
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<bob@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@else.example>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: Subject: x
    C: .
    S~ 250 2.0.0 Ok: queued
  )") == "");
  CHECK(stage.backend.messages.at(0).envelope.protocol == "ESMTPSA");
  CHECK(stage.backend.content_as_sent().find("From: bob@example.com") != std::string::npos);
}

TEST_CASE("plain text where TLS is expected ends the session without harm") {
  TestCertificate certificate;
  Stage stage({}, Service::Submissions);
  stage.tls = certificate.server();
  CHECK(stage.run("C: EHLO client.example\n") == "");
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("a client over its rate limits is refused, our own clients are not") {
  std::vector<std::string> limits{"smtpd_client_message_rate_limit=1",
                                  "smtpd_client_recipient_rate_limit=2", "mynetworks=192.0.2.0/24"};
  std::string busy = envelope + std::string(R"(
    C: RCPT TO:<carol@example.com>
    S: 250 2.1.5 Ok
    C: RCPT TO:<dave@example.com>
    S: 450 4.7.1 Error: too many recipients from 198.51.100.9
    C: RSET
    S~ 250
    C: MAIL FROM:<ann@client.example>
    S: 450 4.7.1 Error: too much mail from 198.51.100.9
  )");
  Stage stage(limits);
  CHECK(stage.run(busy) == "");
  Stage free(limits);
  free.client = "192.0.2.99";
  CHECK(free.run(busy) != "");
  CHECK(free.backend.events.empty());
  Stage by_block(limits);
  by_block.client = "2001:db8:1:2:3:4:5:6";
  by_block.run(envelope);
  CHECK(by_block.backend.counted == "2001:db8:1:2::");
}

TEST_CASE("behind a proxy the client is whom the proxy names") {
  Stage stage({"smtpd_proxy_networks=198.51.100.0/24"});
  CHECK(stage.run(R"(
    C> PROXY TCP4 203.0.113.5 192.0.2.7 4711 25\r\n
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<a@b.example>
    S~ 250
    C: RCPT TO:<x@else.example>
    S~ 554 5.7.1
  )") == "");
  CHECK(stage.backend.asked.at(0).client_address == "203.0.113.5");
  CHECK(stage.run("C: EHLO client.example\nS!\n") == "");
}

TEST_CASE("behind a proxy connections are counted for whom the proxy names") {
  Stage stage({"smtpd_proxy_networks=198.51.100.0/24", "smtpd_client_connection_count_limit=1"});
  auto held = stage.connections.enter(*IpAddress::parse("203.0.113.5"), 0);
  CHECK(stage.run(R"(
    C> PROXY TCP4 203.0.113.5 192.0.2.7 4711 25\r\n
    S: 421 4.7.0 mail.example.com Error: too many connections from 203.0.113.5
    S!
  )") == "");
  CHECK(logged(stage,
               "smtpd: warning: Connection concurrency limit exceeded: 2 from "
               "unknown[203.0.113.5] for service smtp"));
  held.place.leave();
  CHECK(stage.run(R"(
    C> PROXY TCP4 203.0.113.5 192.0.2.7 4711 25\r\n
    S~ 220
  )") == "");
}

TEST_CASE("a client that announces or sends far more than message_size_limit is cut off") {
  Stage stage({"message_size_limit=1000"});
  CHECK(stage.run(std::string(envelope) + R"(
    C: BDAT 20000
    S: 552 5.3.4 Chunk exceeds message size limit
    S!
  )") == "");
  Stage data({"message_size_limit=1000"});
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "  C: " + std::string(70, 'x') + "\n";
  CHECK(data.run(std::string(envelope) + "  C: DATA\n  S~ 354\n" + lines + R"(
    S: 552 5.3.4 Error: message file too big
    S!
  )") == "");
  CHECK(data.backend.messages.empty());
}

TEST_CASE("a client that sends ahead where it may not is refused before its command is run") {
  for (const char* script : {
           "C> EHLO client.example\\r\\nMAIL FROM:<a@b.example>\\r\\n",
           "C> HELO client.example\\r\\nQUIT\\r\\n",
           "C: HELO client.example\nS~ 250\nC> MAIL FROM:<a@b.example>\\r\\nRSET\\r\\n",
           "C: EHLO client.example\nS* 250\nC> MAIL FROM:<a@b.example>\\r\\nRCPT "
           "TO:<bob@example.com>\\r\\nDATA\\r\\nSubject: x\\r\\n\\r\\n.\\r\\n\nS~ 250\nS~ 250",
       }) {
    CAPTURE(script);
    Stage stage;
    CHECK(stage.run("S~ 220\n" + std::string(script) +
                    "\nS: 554 5.5.0 Error: SMTP protocol synchronization\nS!\n") == "");
    CHECK(stage.backend.messages.empty());
  }
  Stage lenient({"smtpd_forbid_unauth_pipelining=no"});
  CHECK(lenient.run(R"(
    S~ 220
    C> EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n
    S* 250
    S: 250 2.1.0 Ok
  )") == "");
}

TEST_CASE("with soft_bounce every refusal is temporary, on the wire and in the log") {
  Stage stage({"soft_bounce=yes", "message_size_limit=1000", "hopcount_limit=1"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<a@b.example> SIZE=2000
    S: 452 4.3.4 Message size exceeds fixed limit
    C: MAIL FROM:<a@b.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@@example.com>
    S~ 401 4.1.3
    C: RCPT TO:<x@elsewhere.example>
    S: 454 4.7.1 <x@elsewhere.example>: Relay access denied
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S~ 354
    C: Received: by a; x
    C: Received: by b; x
    C:
    C: .
    S: 454 4.4.0 Error: too many hops
    C: FROBNICATE
    S: 400 4.5.2 Error: command not recognized
  )") == "");
  CHECK(logged(stage,
               "smtpd: NOQUEUE: reject: RCPT from client.example[198.51.100.9]: 454 4.7.1 "
               "<x@elsewhere.example>: Relay access denied; from=<a@b.example> "
               "to=<x@elsewhere.example> proto=ESMTP helo=<client.example>"));
  CHECK(logged(stage,
               "smtpd: QUEUEID: reject: END-OF-MESSAGE from client.example[198.51.100.9]: 454 "
               "4.4.0 Error: too many hops; from=<a@b.example> proto=ESMTP helo=<client.example>"));
}

TEST_CASE("what smtpd_discard_ehlo_keywords names is not there for those who do not ask, either") {
  Stage stage(
      {"smtpd_discard_ehlo_keywords=chunking, 8BITMIME, EnhancedStatusCodes, silent-discard"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250 HELP
    C: MAIL FROM:<a@b.example> BODY=8BITMIME
    S: 555 Unsupported option: BODY
    C: MAIL FROM:<a@b.example>
    S: 250 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 Ok
    C> BDAT 6\r\nNOOP\r\n
    S: 502 Error: command not implemented
    C: RSET
    S: 250 Ok
  )") == "");
}

TEST_CASE("strict_rfc821_envelopes refuses addresses without brackets, and nothing else") {
  Stage stage({"strict_rfc821_envelopes=yes"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:a@b.example
    S: 501 5.5.4 Syntax: MAIL FROM:<address>
    C: MAIL FROM: <a@b.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:bob@example.com
    S: 501 5.5.4 Syntax: RCPT TO:<address>
    C: RCPT TO: <bob@example.com>
    S: 250 2.1.5 Ok
  )") == "");
}

TEST_CASE("Received: contains mail_name") {
  Stage stage({"mail_name=Example (Mail)"});
  CHECK(stage.run(std::string(R"(
    S: 220 mail.example.com ESMTP Example (Mail)
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S~ 250
    C: RCPT TO:<bob@example.com>
    S~ 250
    C: DATA
    S~ 354
    C: .
    S~ 250
  )")) == "");
  CHECK(stage.backend.content().find("by mail.example.com (Example ?Mail?) with ESMTP") !=
        std::string::npos);
}

TEST_CASE("a chunk behind its BDAT is not sent too early, even where PIPELINING is not offered") {
  Stage stage({"smtpd_discard_ehlo_keywords=pipelining"});
  CHECK(stage.run(R"(
    S~ 220
    C: EHLO x
    S* 250
    C: MAIL FROM:<a@b.example>
    S~ 250
    C: RCPT TO:<bob@example.com>
    S~ 250
    C> BDAT 14 LAST\r\nSubject: x\r\n\r\n
    S~ 250
    C> RSET\r\nNOOP\r\n
    S~ 554 5.5.0
    S!
  )") == "");
}

TEST_CASE("the octets of a refused BDAT are skipped, never run as commands") {
  const char* const chunk = R"(
    C> BDAT 32\r\nMAIL FROM:<smuggled@b.example>\r\nNOOP\r\n
  )";
  struct Row {
    const char* setting;
    const char* begin;
    const char* reply;
  };
  for (const Row& row :
       {Row{"smtpd_sasl_auth_required=yes", "C: EHLO x\nS* 250\n", "530 5.7.0"},
        Row{"smtpd_tls_loglevel=0", "C: EHLO x\nS* 250\n", "503 5.5.1"},
        Row{"smtpd_tls_loglevel=0", "C: EHLO x\nS* 250\nC: MAIL FROM:<a@b.example>\nS~ 250\n",
            "554 5.5.1"}}) {
    CAPTURE(row.setting);
    CAPTURE(row.reply);
    Stage stage({row.setting});
    CHECK(stage.run("S~ 220\n" + std::string(row.begin) + chunk + "S~ " + row.reply +
                    "\nS: 250 2.0.0 Ok\nC: QUIT\nS~ 221\nS!\n") == "");
  }
  // A chunk of unknown length, or one too long to be skipped, ends the connection.
  for (const char* line : {"BDAT x", "BDAT 999999999999"}) {
    CAPTURE(line);
    Stage stage({"smtpd_sasl_auth_required=yes"});
    CHECK(stage.run("S~ 220\nC: EHLO x\nS* 250\nC: " + std::string(line) + "\nS~ 530\nS!\n") == "");
  }
  Stage stage;
  CHECK(stage.run("S~ 220\nC: EHLO x\nS* 250\nC: BDAT 5 " + std::string(5000, 'x') +
                  "\nS: 500 5.5.2 Error: line too long\nS!\n") == "");
}

TEST_CASE("a recipient named again counts towards smtpd_recipient_limit") {
  Stage stage({"smtpd_recipient_limit=100"});
  std::string again;
  for (int i = 1; i < 100; ++i) again += "C: RCPT TO:<bob@example.com>\nS: 250 2.1.5 Ok\n";
  CHECK(stage.run(envelope + again +
                  "C: RCPT TO:<bob@example.com>\nS: 452 4.5.3 Error: too many recipients\n") == "");
}

TEST_CASE("commands that get nothing done end a session after smtpd_junk_command_limit of them") {
  std::vector<std::string> limits{"smtpd_junk_command_limit=2", "smtpd_soft_error_limit=1",
                                  "smtpd_hard_error_limit=1"};
  Stage hello(limits);
  CHECK(hello.run(R"(
    S~ 220
    C: EHLO x
    S* 250
    C: HELO x
    S~ 250
    C: EHLO x
    S* 250
    S~ 421 4.7.0
    S!
  )") == "");
  Stage chunks(limits);
  CHECK(chunks.run(std::string(envelope) + R"(
    C: BDAT 0
    S~ 250
    C: BDAT 0
    S~ 250
    S~ 421 4.7.0
    S!
  )") == "");
}

TEST_CASE("a client that takes longer than smtpd_first_mail_timeout to its first MAIL is cut off") {
  std::vector<std::string> limits{"smtpd_first_mail_timeout=1"};
  Stage slow(limits);
  CHECK(slow.run(R"(
    S~ 220
    C: EHLO x
    S* 250
    S~ 421 4.4.2 mail.example.com Error: timeout exceeded
    S!
  )") == "");
}

TEST_CASE("postmaster is sent the dialogue in which there was an error that notify_classes names") {
  Stage stage(
      {"notify_classes=protocol", "smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no"});
  CHECK(stage.run("S~ 220\nC: EHLO client.example\nS* 250\nC: AUTH PLAIN AGJvYgBzZWNyZXQ=\n"
                  "S~ 235\nC: RCPT TO:<bob@example.com>\nS~ 503\nC: QUIT\nS~ 221\nS!\n") == "");
  REQUIRE(stage.backend.notices.size() == 1);
  const auto& notice = stage.backend.notices[0];
  CHECK(notice.role == "SMTP server");
  CHECK(notice.peer.ends_with("[198.51.100.9]"));
  CHECK(notice.reason.empty());
  CHECK_FALSE(notice.is_bounce);
  CHECK(notice.transcript.find(" In:  EHLO client.example\n") != std::string::npos);
  CHECK(notice.transcript.find(" In:  AUTH PLAIN (response not shown)\n") != std::string::npos);
  CHECK(notice.transcript.find("AGJvYgBzZWNyZXQ") == std::string::npos);
  CHECK(notice.transcript.find(
            " In:  RCPT TO:<bob@example.com>\n Out: 503 5.5.1 Error: need MAIL command\n") !=
        std::string::npos);
  CHECK(notice.transcript.find(" Out: 221 ") != std::string::npos);
}

TEST_CASE("postmaster is not told of errors that notify_classes does not name") {
  std::string refused =
      "S~ 220\nC: EHLO client.example\nS* 250\nC: MAIL FROM:<a@b.example>\nS~ 250\n"
      "C: RCPT TO:<x@elsewhere.example>\nS~ 554\n";
  for (std::string classes : {"", "resource, software", "protocol, bounce", "policy"}) {
    CAPTURE(classes);
    Stage stage({"notify_classes=" + classes});
    CHECK(stage.run(refused) == "");  // and the client hangs up
    REQUIRE(stage.backend.notices.size() == (classes == "policy" ? 1 : 0));
    if (classes == "policy") CHECK(stage.backend.notices[0].reason == "lost connection");
  }
  Stage full;  // resource is named by default
  full.backend.is_disk_full = true;
  CHECK(full.run("S~ 220\nC: EHLO client.example\nS* 250\nC: MAIL FROM:<a@b.example>\nS~ 250\n"
                 "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: x\nC: .\nS~ 452\n"
                 "C: QUIT\nS~ 221\n") == "");
  REQUIRE(full.backend.notices.size() == 1);
  CHECK(full.backend.notices[0].transcript.find("In:  x\n") == std::string::npos);
}
