#include "smtpd/inbound/session.h"

#include "smtpd/inbound/session_testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

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

TEST_CASE("a client over its rate limits is refused, our own clients are not") {
  std::vector<std::string> limits{"smtpd_client_message_rate_limit=1",
                                  "smtpd_client_recipient_rate_limit=2", "mynetworks=192.0.2.0/24"};
  std::string busy = envelope_commands + std::string(R"(
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
  by_block.run(envelope_commands);
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
  CHECK(stage.run(std::string(envelope_commands) + R"(
    C: BDAT 20000
    S: 552 5.3.4 Chunk exceeds message size limit
    S!
  )") == "");
  Stage data({"message_size_limit=1000"});
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "  C: " + std::string(70, 'x') + "\n";
  CHECK(data.run(std::string(envelope_commands) + "  C: DATA\n  S~ 354\n" + lines + R"(
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

TEST_CASE("a recipient named again counts towards smtpd_recipient_limit") {
  Stage stage({"smtpd_recipient_limit=100"});
  std::string again;
  for (int i = 1; i < 100; ++i) again += "C: RCPT TO:<bob@example.com>\nS: 250 2.1.5 Ok\n";
  CHECK(stage.run(envelope_commands + again +
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
  CHECK(chunks.run(std::string(envelope_commands) + R"(
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
