#include "smtpd/delivery/sender.h"

#include <doctest/doctest.h>

#include "smtpd/delivery/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

using Fixture = SenderFixture;

const std::string greeting = "S: 220 a.example\nC: EHLO me.example\n";
const std::string plain = greeting + "S: 250 a.example\n";
const std::string pipelining = greeting + "S: 250-a.example\nS: 250 PIPELINING\n";
const std::string body = "S: 354 go\nC: Subject: x\nC: \nC: hello\nC: .\n";

}  // namespace

TEST_CASE("a message goes out one command at a time, and its recipient is delivered") {
  Fixture fixture;
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\n" +
                      body + "S: 250 2.0.0 queued\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 2.0.0 queued");
  CHECK(fixture.last[0].relay == "a.example[192.0.2.1]:25");
}

TEST_CASE("a server with our own name ends the delivery at once, whatever hosts are left") {
  for (std::string named :
       {"S: 220 Mail.example.com ESMTP\nC: QUIT\n",
        "S: 220-mail.example.com\nS: 220 more\nC: QUIT\n",
        "S: 220 a.example\nC: EHLO me.example\nS: 250-mail.example.com\n"
        "S: 250 PIPELINING\nC: QUIT\n",
        "S: 220 a.example\nC: EHLO me.example\nS: 500 what\nC: HELO me.example\n"
        "S: 250 mail.example.com\nC: QUIT\n"}) {
    CAPTURE(named);
    Fixture fixture;
    fixture.attempt.route.fallbacks.push_back(FallbackHop{"[192.0.2.2]", {}, {}});
    fixture.servers.add(named);
    CHECK(fixture.send() == "bounce 5.4.6 mail for example.org loops back to myself");
    CHECK(fixture.servers.connected.size() == 1);
  }
}

TEST_CASE("a backup MX with our own name is skipped") {
  Fixture fixture;
  fixture.servers.add("refused");
  fixture.servers.add("S: 220 mail.example.com\nC: QUIT\n");
  CHECK(fixture.send() == "retry 4.4.6 mail for example.org loops back to myself");
}

TEST_CASE("a relayhost that is this host is a loop, and no reason to wait") {
  Fixture fixture({"relayhost=[192.0.2.7]", "inet_interfaces=192.0.2.7"});
  fixture.attempt.route.next_hop = "[192.0.2.7]";
  fixture.attempt.route.fallbacks.push_back(FallbackHop{"[192.0.2.2]", {}, {}});
  CHECK(fixture.send() == "bounce 5.4.6 mail for 192.0.2.7 loops back to myself");
  CHECK(fixture.servers.connected.empty());
}

TEST_CASE("where PIPELINING is offered the commands go out in one group") {
  Fixture fixture;
  fixture.recipient("q@example.org");
  fixture.servers.add(pipelining +
                      "C: MAIL FROM:<s@me.example>\nC: RCPT TO:<r@example.org>\n"
                      "C: RCPT TO:<q@example.org>\nC: DATA\nS: 250 ok\nS: 550 5.1.1 unknown\n"
                      "S: 250 ok\n" +
                      body + "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() ==
        "bounce 5.1.1 host a.example[192.0.2.1] said: 550 5.1.1 unknown (in reply to RCPT TO "
        "command)|delivered 2.0.0 250 ok");
  CHECK(fixture.last[0].diagnostic == "550 5.1.1 unknown");
}

TEST_CASE("DATA that was sent ahead of a refusal of all recipients is ended with a dot") {
  Fixture fixture;
  fixture.servers.add(pipelining +
                      "C: MAIL FROM:<s@me.example>\nC: RCPT TO:<r@example.org>\nC: DATA\n"
                      "S: 250 ok\nS: 550 no\nS: 354 go\nC: .\nS: 554 no valid recipients\n"
                      "C: QUIT\n");
  CHECK(fixture.send().starts_with("bounce 5.0.0 host a.example[192.0.2.1] said: 550 no"));
}

TEST_CASE("a probe ends after RCPT: nothing is sent, and each recipient has the server's answer") {
  for (const std::string& hello : {plain, pipelining}) {
    Fixture fixture;
    fixture.recipient("q@example.org");
    fixture.is_probe = true;
    bool is_ahead = hello == pipelining;
    fixture.servers.add(hello +
                        (is_ahead ? "C: MAIL FROM:<s@me.example>\nC: RCPT TO:<r@example.org>\n"
                                    "C: RCPT TO:<q@example.org>\nS: 250 ok\n"
                                  : "C: MAIL FROM:<s@me.example>\nS: 250 ok\n"
                                    "C: RCPT TO:<r@example.org>\n") +
                        "S: 550 5.1.1 unknown\n" +
                        (is_ahead ? "" : "C: RCPT TO:<q@example.org>\n") +
                        "S: 250 2.1.5 taken\nC: RSET\nS: 250 ok\nC: QUIT\n");
    CHECK(fixture.send() ==
          "bounce 5.1.1 host a.example[192.0.2.1] said: 550 5.1.1 unknown (in reply to RCPT TO "
          "command)|delivered 2.1.5 250 2.1.5 taken");
  }
}

TEST_CASE("a refused sender bounces all, and nothing more is asked") {
  Fixture fixture;
  fixture.servers.add(plain + "C: MAIL FROM:<s@me.example>\nS: 554 5.7.1 not you\nC: QUIT\n");
  CHECK(fixture.send() ==
        "bounce 5.7.1 host a.example[192.0.2.1] said: 554 5.7.1 not you (in reply to MAIL FROM "
        "command)");
}

TEST_CASE("what a host answers with 4xx is tried at the next host") {
  Fixture fixture;
  fixture.recipient("q@example.org");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 450 4.2.0 later\nC: RCPT TO:<q@example.org>\nS: 250 ok\nC: DATA\n" +
                      body + "S: 250 ok\nC: QUIT\n");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 451 4.3.0 not here either\nC: RSET\nS: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() ==
        "retry 4.3.0 host b.example[192.0.2.2] said: 451 4.3.0 not here either (in reply to RCPT "
        "TO command)|delivered 2.0.0 250 ok");
}

TEST_CASE(
    "552 behind an accepted recipient means try the rest later; the first one's 552 is final") {
  const std::string mail = plain + "C: MAIL FROM:<s@me.example>\nS: 250 ok\n";
  Fixture fixture;
  fixture.recipient("q@example.org");
  SUBCASE("behind an accepted one") {
    fixture.servers.add(mail +
                        "C: RCPT TO:<r@example.org>\nS: 250 ok\nC: RCPT TO:<q@example.org>\n"
                        "S: 552 too many recipients\nC: DATA\n" +
                        body + "S: 250 ok\nC: QUIT\n");
    fixture.servers.add(mail + "C: RCPT TO:<q@example.org>\nS: 250 ok\nC: DATA\n" + body +
                        "S: 250 ok\nC: QUIT\n");
    CHECK(fixture.send() == "delivered 2.0.0 250 ok|delivered 2.0.0 250 ok");
  }
  SUBCASE("of the first one") {
    fixture.servers.add(mail +
                        "C: RCPT TO:<r@example.org>\nS: 552 no room\nC: RCPT TO:<q@example.org>\n"
                        "S: 250 ok\nC: DATA\n" +
                        body + "S: 250 ok\nC: QUIT\n");
    CHECK(fixture.send() ==
          "bounce 5.0.0 host a.example[192.0.2.1] said: 552 no room (in reply to RCPT TO "
          "command)|delivered 2.0.0 250 ok");
  }
}

TEST_CASE("hosts that can't be reached are passed over, and all of them dead is a reason to wait") {
  Fixture fixture;
  fixture.servers.add("refused");
  fixture.servers.add("S: 421 4.3.2 shutting down\n--");
  CHECK(fixture.send() ==
        "retry 4.3.2 host b.example[192.0.2.2] refused to talk to me: 421 4.3.2 shutting down");
  fixture.servers.add("refused");
  fixture.servers.add("refused");
  CHECK(fixture.send() == "retry 4.4.1 connect to b.example[192.0.2.2]:25: Connection refused");
  CHECK(fixture.last[0].relay == "none");
}

TEST_CASE("a host that greets with 5xx is passed over, or speaks for all where so set") {
  Fixture skipping;
  skipping.servers.add("S: 554 5.7.1 go away\n--");
  skipping.servers.add("S: 554 go away\n--");
  CHECK(skipping.send() ==
        "retry 4.3.0 host b.example[192.0.2.2] refused to talk to me: 554 go away");
  Fixture obeying({"smtp_skip_5xx_greeting=no"});
  obeying.servers.add("S: 554 5.7.1 go away\n--");
  CHECK(obeying.send() ==
        "bounce 5.7.1 host a.example[192.0.2.1] refused to talk to me: 554 5.7.1 go away");
  CHECK(obeying.servers.connected.size() == 1);
}

TEST_CASE("sessions are counted for each next hop, from the first that comes to a transaction") {
  std::string busy = plain + "C: MAIL FROM:<s@me.example>\nS: 450 4.3.2 busy\nC: QUIT\n";
  std::string shut = "S: 421 4.3.2 shut\n--";
  Fixture fixture({"smtp_mx_session_limit=1"});
  fixture.attempt.route.fallbacks = {FallbackHop{"[b.example]:26", "", ""}};
  fixture.servers.add(shut);
  fixture.servers.add(busy);
  fixture.servers.add(busy);
  CHECK(fixture.send().starts_with("retry 4.3.2 host b.example[192.0.2.2] said: 450"));
  CHECK(fixture.servers.connected == std::vector<std::string>{"a.example[192.0.2.1]:25",
                                                              "b.example[192.0.2.2]:25",
                                                              "b.example[192.0.2.2]:26"});
  fixture.servers.connected.clear();
  fixture.servers.add(busy);
  fixture.servers.add(busy);
  fixture.send();
  CHECK(fixture.servers.connected ==
        std::vector<std::string>{"a.example[192.0.2.1]:25", "b.example[192.0.2.2]:26"});
}

TEST_CASE("421 in the middle ends the session, and the rest is tried elsewhere") {
  Fixture fixture;
  fixture.recipient("q@example.org");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 550 no\nC: RCPT TO:<q@example.org>\nS: 421 bye\n--");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<q@example.org>\n"
                      "S: 250 ok\nC: DATA\n" +
                      body + "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() ==
        "bounce 5.0.0 host a.example[192.0.2.1] said: 550 no (in reply to RCPT TO "
        "command)|delivered 2.0.0 250 ok");
}

TEST_CASE("a connection lost after the last dot is not tried elsewhere") {
  Fixture fixture;
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\n" +
                      body + "--");
  CHECK(fixture.send() ==
        "retry 4.4.2 lost connection with a.example[192.0.2.1] while sending end of data -- "
        "message may be sent more than once");
  CHECK(fixture.servers.connected.size() == 1);
}

TEST_CASE("a recipient refused before the connection broke has the host in its outcome") {
  Fixture fixture;
  fixture.recipient("q@example.org");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 550 no\nC: RCPT TO:<q@example.org>\n--");
  fixture.servers.add("--");
  fixture.send();
  CHECK(fixture.last[0].relay.starts_with("a.example[192.0.2.1]"));
}

TEST_CASE("a connection lost before is") {
  Fixture fixture;
  fixture.servers.add(plain + "C: MAIL FROM:<s@me.example>\n--");
  fixture.servers.add("--");
  CHECK(fixture.send() ==
        "retry 4.4.2 lost connection with b.example[192.0.2.2] while receiving the initial server "
        "greeting");
}

TEST_CASE("a server without EHLO is spoken to by HELO") {
  Fixture fixture;
  fixture.servers.add(
      "S: 220 old\nC: EHLO me.example\nS: 500 what\nC: HELO me.example\nS: 250 hi\n"
      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
      body + "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
}

TEST_CASE("what the server offers is used: SIZE, 8BITMIME, DSN") {
  Fixture fixture;
  fixture.message("Subject: x\n\ngr\xc3\xbc\xc3\x9f\n");
  fixture.attempt.envelope.ret = Ret::Headers;
  fixture.attempt.envelope.envid = "a+b";
  auto& recipient = fixture.attempt.envelope.recipients[0];
  recipient.notify = notify_success | notify_delay;
  recipient.orcpt = "rfc822;r+x@example.org";
  fixture.servers.add(greeting +
                      "S: 250-a\nS: 250-SIZE 1000\nS: 250-8BITMIME\nS: 250 DSN\n"
                      "C: MAIL FROM:<s@me.example> SIZE=22 BODY=8BITMIME RET=HDRS ENVID=a+2Bb\n"
                      "S: 250 ok\n"
                      "C: RCPT TO:<r@example.org> NOTIFY=SUCCESS,DELAY "
                      "ORCPT=rfc822;r+2Bx@example.org\nS: 250 ok\nC: DATA\n"
                      "S: 354 go\nC: Subject: x\nC: \nC: gr\xc3\xbc\xc3\x9f\nC: .\nS: 250 ok\n"
                      "C: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.last[0].is_dsn_relayed);
}

TEST_CASE("without 8BITMIME an 8-bit message is converted") {
  Fixture fixture;
  fixture.message("Subject: x\n\n\xc3\xa9\n");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\nS: 354 go\nC: Subject: x\nC: MIME-Version: 1.0\n"
                      "C: Content-Type: text/plain; charset=unknown-8bit\n"
                      "C: Content-Transfer-Encoding: quoted-printable\nC: \nC: =C3=A9\nC: .\n"
                      "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
}

TEST_CASE("with disable_mime_output_conversion 8-bit content goes out as it is") {
  Fixture fixture({"disable_mime_output_conversion=yes"});
  fixture.message("Subject: x\n\n\xc3\xa9\n");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\nS: 354 go\nC: Subject: x\nC: \nC: \xc3\xa9\nC: .\n"
                      "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
}

TEST_CASE("without SMTPUTF8 only what needs it is refused") {
  Fixture fixture;
  fixture.attempt.envelope.is_smtputf8 = true;
  fixture.recipient("gr\xc3\xbc\xc3\x9f@example.org");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\n" +
                      body + "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() ==
        "delivered 2.0.0 250 ok|bounce 5.6.7 SMTPUTF8 is required, but was not offered by host "
        "a.example[192.0.2.1]");
  fixture.message("Subject: \xc3\xa9\n\n");
  fixture.servers.add(greeting + "S: 250-a\nS: 250 8BITMIME\nC: QUIT\n");
  fixture.attempt.envelope.recipients.pop_back();
  CHECK(fixture.send().starts_with("bounce 5.6.7 SMTPUTF8 is required"));
}

TEST_CASE("with SMTPUTF8 addresses go as they are, else domains as A-labels") {
  Fixture fixture;
  fixture.attempt.envelope.recipients[0].address =
      "r@b\xc3\xbc"
      "cher.example";
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\n"
                      "C: RCPT TO:<r@xn--bcher-kva.example>\nS: 250 ok\nC: DATA\n" +
                      body + "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
}

TEST_CASE("a message too large for the server's SIZE is refused before MAIL") {
  Fixture fixture;
  fixture.servers.add(greeting + "S: 250-a\nS: 250 SIZE 10\nC: QUIT\n");
  CHECK(fixture.send() ==
        "bounce 5.3.4 message size 21 exceeds size limit 10 of server a.example[192.0.2.1]");
}

TEST_CASE("we log in where a password is known") {
  Fixture fixture({"smtp_sasl_auth_enable=yes", "smtp_sasl_security_options=noanonymous"});
  fixture.attempt.route.credentials = "me:secret";
  fixture.servers.add(greeting +
                      "S: 250-a\nS: 250 AUTH LOGIN PLAIN\nC: AUTH PLAIN AG1lAHNlY3JldA==\n"
                      "S: 235 ok\nC: MAIL FROM:<s@me.example>\nS: 250 ok\n"
                      "C: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
                      body + "S: 250 ok\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  std::string refused = greeting +
                        "S: 250-a\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n"
                        "C: bWU=\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 535 5.7.8 no\n";
  fixture.servers.add(refused);
  fixture.servers.add(refused);
  CHECK(fixture.send() ==
        "retry 4.7.8 SASL authentication failed; server b.example[192.0.2.2] said: 535 5.7.8 no");
}

namespace {

const std::string offers_tls = greeting + "S: 250-a.example\nS: 250 STARTTLS\nC: STARTTLS\n";
const std::string transaction =
    "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
    body + "S: 250 ok\nC: QUIT\n";

}  // namespace

TEST_CASE("a server that logs us in by SCRAM must prove that it knows our password") {
  Fixture fixture({"smtp_sasl_auth_enable=yes"});
  fixture.attempt.route.credentials = "me:secret";
  fixture.attempt.route.next_hop = "[a.example]";
  const std::string to_auth = greeting + "S: 250-a\nS: 250 AUTH SCRAM-SHA-256\nSCRAM\n";
  fixture.servers.add(to_auth + "S: 235 ok\n" + transaction);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  fixture.servers.proof = base64_encode("v=bm90IGl0");
  fixture.servers.add(to_auth + "S: 235 ok\n");
  CHECK(fixture.send() ==
        "retry 4.7.8 host a.example[192.0.2.1] did not prove that it knows our password");
}

TEST_CASE("a mechanism that the server refuses for good is followed by the next") {
  Fixture fixture({"smtp_sasl_auth_enable=yes", "smtp_sasl_security_options=noanonymous"});
  fixture.attempt.route.credentials = "me:secret";
  fixture.attempt.route.next_hop = "[a.example]";
  const std::string to_auth =
      greeting + "S: 250-a\nS: 250 AUTH PLAIN LOGIN SCRAM-SHA-256\nANY LINE\n";
  const std::string plain_login = "C: AUTH PLAIN AG1lAHNlY3JldA==\n";
  SUBCASE("SCRAM at once, PLAIN fits") {
    fixture.servers.add(to_auth + "S: 535 5.7.8 no keys\n" + plain_login + "S: 235 ok\n" +
                        transaction);
    CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  }
  SUBCASE("a mechanism that is not implemented after all") {
    fixture.servers.add(to_auth + "S: 504 5.5.4 what\n" + plain_login + "S: 504 5.5.4 what\n" +
                        "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: bWU=\nS: 334 UGFzc3dvcmQ6\n"
                        "C: c2VjcmV0\nS: 235 ok\n" +
                        transaction);
    CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  }
  SUBCASE("not where the server can't tell now") {
    fixture.servers.add(to_auth + "S: 454 4.7.0 later\nC: QUIT\n");
    CHECK(fixture.send() ==
          "retry 4.7.8 SASL authentication failed; server a.example[192.0.2.1] said: 454 4.7.0 "
          "later");
  }
  SUBCASE("not where it can't prove that it knows the password") {
    fixture.servers.proof = base64_encode("v=bm90IGl0");
    fixture.servers.add(greeting +
                        "S: 250-a\nS: 250 AUTH PLAIN LOGIN SCRAM-SHA-256\nSCRAM\nS: 235 ok\n");
    CHECK(fixture.send() ==
          "retry 4.7.8 host a.example[192.0.2.1] did not prove that it knows our password");
  }
  SUBCASE("what was refused first is told though the connection breaks later") {
    fixture.servers.add(to_auth + "S: 535 5.7.8 no keys\n" + plain_login + "--\n");
    CHECK(fixture.send() ==
          "retry 4.4.2 lost connection with a.example[192.0.2.1] while performing SASL "
          "authentication (SCRAM-SHA-256 was refused: 535 5.7.8 no keys)");
  }
  CHECK(fixture.servers.mistakes.empty());
}

TEST_CASE("after a refusal no password is sent that smtp_sasl_security_options keep back") {
  Fixture fixture({"smtp_sasl_auth_enable=yes"});
  fixture.attempt.route.credentials = "me:secret";
  fixture.attempt.route.next_hop = "[a.example]";
  fixture.servers.add(greeting +
                      "S: 250-a\nS: 250 AUTH PLAIN LOGIN SCRAM-SHA-256\nANY LINE\n"
                      "S: 535 5.7.8 no keys\nC: QUIT\n");
  CHECK(fixture.send() ==
        "retry 4.7.8 SASL authentication failed; server a.example[192.0.2.1] said: 535 5.7.8 no "
        "keys");
  CHECK(fixture.servers.mistakes.empty());
}

TEST_CASE("no password goes out in the clear, whatever the server offers and breaks") {
  Fixture fixture({"smtp_sasl_auth_enable=yes"});
  fixture.attempt.route.credentials = "me:secret";
  fixture.attempt.route.tls_policy = "may";
  fixture.attempt.route.next_hop = "[a.example]";
  SUBCASE("no STARTTLS") {
    fixture.servers.add(greeting + "S: 250-a\nS: 250 AUTH LOGIN PLAIN\nC: QUIT\n");
    CHECK(fixture.send() ==
          "retry 4.7.0 host a.example[192.0.2.1] offers no SASL mechanism that "
          "smtp_sasl_mechanism_filter "
          "and smtp_sasl_security_options allow without TLS");
  }
  SUBCASE("STARTTLS refused") {
    fixture.servers.add(greeting +
                        "S: 250-a\nS: 250-STARTTLS\nS: 250 AUTH SCRAM-SHA-256 PLAIN\n"
                        "C: STARTTLS\nS: 454 4.7.0 not now\n");
    CHECK(fixture.send() ==
          "retry 4.7.5 TLS must protect the login, but host a.example[192.0.2.1] refused to start "
          "TLS: 454 4.7.0 not now");
  }
  SUBCASE("a broken handshake: no second try") {
    fixture.servers.add(greeting +
                        "S: 250-a\nS: 250-STARTTLS\nS: 250 AUTH PLAIN\nC: STARTTLS\nS: 220 go\n"
                        "S: this is no TLS\n--");
    CHECK(fixture.send().starts_with("retry 4.7.5 Cannot start TLS with a.example[192.0.2.1]"));
    CHECK(fixture.servers.connected.size() == 1);
  }
  SUBCASE("an old server that knows no EHLO") {
    fixture.servers.add(
        "S: 220 a\nC: EHLO me.example\nS: 502 what\nC: HELO me.example\nS: 250 a\n"
        "C: QUIT\n");
    CHECK(fixture.send().starts_with("retry 4.7.0 "));
  }
  SUBCASE("over TLS it logs in") {
    fixture.servers.add(offers_tls +
                        "S: 220 go\nTLS\nC: EHLO me.example\nS: 250-a\n"
                        "S: 250 AUTH PLAIN\nC: AUTH PLAIN AG1lAHNlY3JldA==\nS: 235 ok\n" +
                        transaction);
    CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  }
}

TEST_CASE("a fallback relay gets its own login, and no less TLS than the mail's own next hop") {
  Fixture fixture({"smtp_sasl_auth_enable=yes", "smtp_sasl_security_options=noanonymous"});
  fixture.attempt.route.next_hop = "[a.example]";
  fixture.attempt.route.credentials = "me:secret";
  fixture.attempt.route.fallbacks = {FallbackHop{"[b.example]", "", ""}};
  fixture.servers.add("refused");
  SUBCASE("no login of another") {
    fixture.servers.add(greeting + "S: 250-b\nS: 250 AUTH PLAIN\n" + transaction);
    CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  }
  SUBCASE("its own") {
    fixture.attempt.route.fallbacks[0].credentials = "us:other";
    fixture.servers.add(greeting +
                        "S: 250-b\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AHVzAG90aGVy\n"
                        "S: 235 ok\n" +
                        transaction);
    CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  }
  SUBCASE("TLS that the destination asks for") {
    fixture.attempt.route.tls_policy = "encrypt";
    fixture.servers.add(greeting + "S: 250 b\nC: QUIT\n");
    CHECK(fixture.send() ==
          "retry 4.7.4 TLS is required, but was not offered by host b.example[192.0.2.2]");
  }
}

TEST_CASE("TLS that is required and not offered is a reason to wait") {
  Fixture fixture;
  fixture.attempt.route.tls_policy = "encrypt";
  fixture.servers.add(plain);
  fixture.servers.add(plain);
  CHECK(fixture.send() ==
        "retry 4.7.4 TLS is required, but was not offered by host b.example[192.0.2.2]");
}

TEST_CASE("TLS begins where it is offered, and EHLO is said again") {
  Fixture fixture;
  fixture.attempt.route.tls_policy = "may";
  fixture.servers.add(offers_tls + "S: 220 go\nTLS\nC: EHLO me.example\nS: 250 a.example\n" +
                      transaction);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
}

TEST_CASE("where opportunistic TLS fails, the same host gets the mail in plain text") {
  Fixture fixture;
  fixture.attempt.route.tls_policy = "may";
  fixture.servers.add(offers_tls + "S: 220 go\nS: this is no TLS\n--");
  fixture.servers.add(greeting + "S: 250-a.example\nS: 250 STARTTLS\n" + transaction);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.servers.connected ==
        std::vector<std::string>{"a.example[192.0.2.1]:25", "a.example[192.0.2.1]:25"});
}

TEST_CASE("where TLS is required, no mail goes out in plain text") {
  Fixture fixture;
  fixture.attempt.route.tls_policy = "encrypt";
  fixture.servers.add(offers_tls + "S: 220 go\nS: this is no TLS\n--");
  fixture.servers.add(offers_tls + "S: 454 4.7.0 not now\n--");
  CHECK(fixture.send().starts_with(
      "retry 4.7.5 TLS is required, but host b.example[192.0.2.2] refused to start TLS: 454"));
}

TEST_CASE("a certificate must be the right one where it is verified") {
  Fixture fixture;
  fixture.attempt.route.tls_policy = "verify";
  fixture.attempt.route.next_hop = "[localhost]:26";
  fixture.servers.add("refused");
  fixture.servers.add(offers_tls + "S: 220 go\nTLS\nC: EHLO me.example\nS: 250 a.example\n" +
                      transaction);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  fixture.attempt.route.next_hop = "[a.example]";
  fixture.servers.add(offers_tls + "S: 220 go\nTLS\n");
  CHECK(fixture.send() == "retry 4.7.5 Server certificate not verified");
}

TEST_CASE("port 465 begins with TLS") {
  Fixture fixture;
  fixture.attempt.route.next_hop = "[a.example]:465";
  fixture.servers.add("TLS\n" + plain + transaction);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
}

TEST_CASE("a session is used again while more mail comes for the same next hop") {
  Fixture fixture;
  std::string unended =
      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
      body + "S: 250 ok\n";
  fixture.servers.add(plain + unended + "C: QUIT\n");
  fixture.servers.add(plain + unended + unended);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.servers.connected.size() == 2);
}

TEST_CASE("a session is kept no longer than it may be used again") {
  Fixture fixture({"connection_cache_ttl_limit=1h", "smtp_connection_reuse_time_limit=1s"});
  std::string unended =
      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
      body + "S: 250 ok\n";
  fixture.servers.add(plain + unended + "C: QUIT\n");
  fixture.servers.add(plain + unended + "C: QUIT\n");
  fixture.servers.add(plain + unended);
  for (int i = 0; i < 2; ++i) CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  fixture.pass(1200ms);
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.servers.connected.size() == 3);
}

TEST_CASE("a kept session that the server has closed is replaced unseen") {
  Fixture fixture;
  std::string unended =
      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
      body + "S: 250 ok\n";
  fixture.servers.add(plain + unended + "C: QUIT\n");
  fixture.servers.add(plain + unended + "--");
  fixture.servers.add(plain + unended);
  for (int i = 0; i < 3; ++i) CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.servers.connected.size() == 3);
}

TEST_CASE("a domain that does not exist bounces, unless it is our relayhost") {
  Fixture fixture;
  fixture.attempt.route.next_hop = "nowhere.example";
  CHECK(fixture.send() ==
        "bounce 5.1.2 Host unknown. Name service error for name=nowhere.example type=MX: Host not "
        "found");
  Fixture relayed({"relayhost=nowhere.example"});
  relayed.attempt.route.next_hop = "nowhere.example";
  CHECK(relayed.send().starts_with("retry 4.3.5 relayhost configuration problem: Host unknown."));
}

TEST_CASE("the fallback relay gets what no host of the destination takes") {
  Fixture fixture;
  fixture.attempt.route.next_hop = "[a.example]";
  fixture.attempt.route.fallbacks = {FallbackHop{"[b.example]:26", "", ""}};
  fixture.servers.add("refused");
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\n" +
                      body + "S: 250 ok\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 ok");
  CHECK(fixture.last[0].relay == "b.example[192.0.2.2]:26");
}

TEST_CASE("postmaster is told of a server that does not keep to the protocol, if so set") {
  std::string odd = plain + "C: MAIL FROM:<s@me.example>\nS: 502 what?\nC: QUIT\n";
  std::string refusing = plain + "C: MAIL FROM:<s@me.example>\nS: 554 5.7.1 not you\nC: QUIT\n";
  struct Row {
    const char* classes;
    std::string script;
    std::size_t notices;
  };
  for (const Row& row :
       {Row{"protocol", odd, 1}, Row{"protocol", refusing, 0}, Row{"resource, software", odd, 0},
        Row{"", odd, 0}, Row{"protocol", greeting + "S: 250-a.example\nS: what\n", 1}}) {
    CAPTURE(row.classes);
    CAPTURE(row.script);
    Fixture fixture({"notify_classes=" + std::string(row.classes), "smtp_mx_session_limit=1",
                     "smtp_mx_address_limit=1"});
    std::vector<PostNotice> notices;
    fixture.sender->on_notice([&](const PostNotice& notice) { notices.push_back(notice); });
    fixture.servers.add(row.script);
    fixture.send();
    REQUIRE(notices.size() == row.notices);
    if (notices.empty()) continue;
    CHECK(notices[0].role == "SMTP client");
    CHECK(notices[0].peer == "a.example[192.0.2.1]:25");
    CHECK(notices[0].transcript.starts_with(" In:  220 a.example\n Out: EHLO me.example\n"));
  }
}

TEST_CASE("the delivery of a notice leads to no other, and a login is not shown") {
  std::string odd = "C: MAIL FROM:<s@me.example>\nS: 502 what?\nC: QUIT\n";
  std::string login = greeting +
                      "S: 250-a.example\nS: 250 AUTH PLAIN\n"
                      "C: AUTH PLAIN AGFubgBzZWNyZXQ=\nS: 235 ok\n";
  Fixture fixture(
      {"notify_classes=protocol", "smtp_sasl_security_options=", "myhostname=mail.example.com"});
  std::vector<PostNotice> notices;
  fixture.sender->on_notice([&](const PostNotice& notice) { notices.push_back(notice); });
  fixture.attempt.route.credentials = "ann:secret";
  fixture.servers.add(login + odd);
  fixture.send();
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].transcript.find(" Out: AUTH PLAIN (response not shown)\n") != std::string::npos);
  CHECK(notices[0].transcript.find("AGFub") == std::string::npos);

  fixture.attempt.envelope.sender = "double-bounce@mail.example.com";
  fixture.attempt.route.credentials.clear();
  fixture.servers.add(plain +
                      "C: MAIL FROM:<double-bounce@mail.example.com>\nS: 502 what?\nC: QUIT\n");
  fixture.send();
  CHECK(notices.size() == 1);
}
