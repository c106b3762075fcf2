#include "smtpd/inbound/session.h"

#include "smtpd/inbound/session_testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

TEST_CASE("a stranger's mail gets what it lacks only with always_add_missing_headers") {
  for (bool is_added : {false, true}) {
    Stage stage({"undisclosed_recipients_header=To: undisclosed-recipients:;",
                 "mynetworks=192.0.2.0/24",
                 std::string("always_add_missing_headers=") + (is_added ? "yes" : "no")});
    CHECK(stage.run(envelope_commands +
                    std::string("C: DATA\nS* 354\nC: Subject: x\nC:\nC: .\nS* 250\n")) == "");
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
    CHECK(stage.run(envelope_commands + std::string(R"(
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
  CHECK(lenient.run(envelope_commands + std::string(R"(
    C: DATA
    S~ 354
    C> Subject: x\n\nfoo\n.\nbar\r\n.\r\n
    S~ 250 2.0.0 Ok
  )")) == "");
  CHECK(lenient.backend.content_as_sent() == "Subject: x\n\nfoo\n\nbar\n");
}

TEST_CASE("large content goes into a synced file, byte for byte") {
  Stage stage;
  std::string script = envelope_commands + std::string("C: DATA\nS~ 354\nC: Subject: large\nC:\n");
  std::string sent = "Subject: large\n\n";
  for (int i = 0; i < 3000; ++i) {
    std::string line = std::to_string(i) + std::string(90, 'x');
    script += "C: " + line + "\n";
    sent += line + "\n";
  }
  script += "C: .\nS~ 250 2.0.0 Ok: queued\n";
  CHECK(stage.run(script + quit_commands) == "");
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
    CHECK(stage.run(envelope_commands + chunk + "C: RSET\nS~ 250\n" + quit_commands) == "");
  }
  SUBCASE("by hanging up") {
    CHECK(stage.run(envelope_commands + std::string("C: DATA\nS~ 354\n") + content) == "");
  }
  CHECK(stage.backend.dropped.size() == 1);
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("a full disk is 452, and the session goes on") {
  Stage stage;
  stage.backend.is_disk_full = true;
  std::string script = envelope_commands + std::string("C: DATA\nS~ 354\n");
  for (int i = 0; i < 3000; ++i) script += "C: " + std::string(90, 'x') + "\n";
  script += "C: .\nS: 452 4.3.1 Insufficient system storage\n";
  CHECK(stage.run(script + quit_commands) == "");
  CHECK(stage.run(envelope_commands + std::string(R"(
    C: DATA
    S~ 354
    C: small
    C: .
    S: 452 4.3.1 Insufficient system storage
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
  )")) == "");
}

TEST_CASE("what is too large, too long or loops is refused at its end") {
  Stage small({"message_size_limit=2000", "smtpd_line_length_limit=998"});
  std::string big = "C: DATA\nS~ 354\n";
  for (int i = 0; i < 30; ++i) big += "C: " + std::string(98, 'x') + "\n";
  CHECK(small.run(envelope_commands + big + "C: .\nS: 552 5.3.4 Error: message file too big\n" +
                  quit_commands) == "");
  CHECK(small.run(envelope_commands + std::string("C: DATA\nS~ 354\nC: ") + std::string(999, 'x') +
                  "\nC: .\nS: 554 5.6.0 Error: a line is longer than 998 bytes\n" +
                  quit_commands) == "");
  Stage loops({"hopcount_limit=5"});
  std::string hops = "C: DATA\nS~ 354\n";
  for (int i = 0; i < 6; ++i) hops += "C: Received: by somewhere\n";
  CHECK(loops.run(envelope_commands + hops + "C:\nC: .\nS: 554 5.4.0 Error: too many hops\n" +
                  quit_commands) == "");
  CHECK(small.backend.messages.empty());
  CHECK(loops.backend.messages.empty());
}

TEST_CASE("chunks are taken like DATA, and their errors stay in step") {
  Stage stage;
  CHECK(stage.run(envelope_commands + std::string(R"(
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
  CHECK(stage.run(envelope_commands + std::string("C> BDAT 1001\\r\\n") + std::string(999, 'x') +
                  "\\r\\n\nS: 554 5.6.0 Error: a line is longer than 998 bytes\n"
                  "C> BDAT 5\\r\\nabc\\r\\n\n"
                  "S: 503 5.5.1 Error: an earlier chunk was refused\n"
                  "C: MAIL FROM:<ann@client.example>\nS: 503 5.5.1 Error: nested MAIL command\n"
                  "C> BDAT 5 LAST\\r\\nend\\r\\n\n"
                  "S: 503 5.5.1 Error: an earlier chunk was refused\n"
                  "C: MAIL FROM:<ann@client.example>\nS: 250 2.1.0 Ok\n" +
                  quit_commands) == "");
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("a message without header gets its empty line, an mbox line becomes a field") {
  Stage stage;
  CHECK(stage.run(envelope_commands +
                  std::string("C: DATA\nS~ 354\nC: just text\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.content_as_sent() == "\njust text\n");
  CHECK(stage.run(envelope_commands +
                  std::string("C: DATA\nS~ 354\nC: From ann Sat\nC: Subject: x\nC:\n"
                              "C: text\nC: .\nS~ 250\n")) == "");
  CHECK(stage.backend.content_as_sent() == "X-Mailbox-Line: From ann Sat\nSubject: x\n\ntext\n");
}

TEST_CASE("a client of ours gets the header fields that its message lacks") {
  Stage stage({"mynetworks=198.51.100.0/24"});
  CHECK(
      stage.run(envelope_commands + std::string("C: DATA\nS~ 354\nC: Subject: x\nC: To: carol\nC:\n"
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
  CHECK(foreign.run(envelope_commands +
                    std::string("C: DATA\nS~ 354\nC: Subject: x\nC:\nC: .\nS~ 250\n")) == "");
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
