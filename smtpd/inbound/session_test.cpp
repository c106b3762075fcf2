#include "smtpd/inbound/session.h"

#include "smtpd/inbound/session_testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

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

TEST_CASE(
    "a message has at most smtpd_recipient_limit recipients; the client may send it to those") {
  Stage stage({"smtpd_recipient_limit=100"});
  std::string script = envelope_commands;
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
  CHECK(stage.run(script + quit_commands) == "");
  REQUIRE(stage.backend.messages.size() == 1);
  CHECK(stage.backend.messages[0].envelope.recipients.size() == 100);
}

TEST_CASE("hold and discard go with the message, restrictions are asked where they stand") {
  Stage stage({"smtpd_data_restrictions=reject_unauth_pipelining"});
  stage.backend.is_holding = true;
  CHECK(stage.run(envelope_commands + std::string("C: DATA\nS~ 354\nC: x\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.messages.at(0).envelope.is_held);
  CHECK(stage.backend.lists == std::vector<std::string>{"smtpd_data_restrictions"});
  stage.backend.is_discarding = true;
  CHECK(stage.run(envelope_commands + std::string("C: DATA\nS~ 354\nC: x\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.messages.size() == 1);
  stage.backend.refused_list = "smtpd_data_restrictions";
  CHECK(stage.run(envelope_commands + std::string("C: DATA\nS: 554 5.7.1 no\n")) == "");

  Stage early({"smtpd_delay_reject=no", "smtpd_client_restrictions=reject"});
  early.backend.refused_list = "smtpd_client_restrictions";
  CHECK(early.run("S: 554 5.7.1 no\nS!\n") == "");
}

TEST_CASE("a recipient named twice is one recipient, and an address without domain is completed") {
  Stage stage;
  CHECK(stage.run(envelope_commands + std::string(R"(
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
