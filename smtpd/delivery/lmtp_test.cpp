#include <doctest/doctest.h>

#include "common/log/log.h"
#include "smtpd/delivery/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;
using namespace std::chrono_literals;

namespace {

struct Fixture : SenderFixture {
  explicit Fixture(std::vector<std::string> settings = {})
      : SenderFixture(std::move(settings), Protocol::Lmtp) {}
};

const std::string greeting = "S: 220 mail.example.com\nC: LHLO me.example\n";
const std::string plain = greeting + "S: 250 mail.example.com\n";
const std::string pipelining = greeting + "S: 250-mail.example.com\nS: 250 PIPELINING\n";
const std::string body = "S: 354 go\nC: Subject: x\nC: \nC: hello\nC: .\n";
const std::string to_three =
    "C: MAIL FROM:<s@me.example>\nC: RCPT TO:<r@example.org>\nC: RCPT TO:<b@example.org>\n"
    "C: RCPT TO:<c@example.org>\nC: DATA\n";

}  // namespace

TEST_CASE("an LMTP server is greeted with LHLO, and may have our own name") {
  Fixture fixture;
  fixture.servers.add(plain +
                      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\n"
                      "S: 250 ok\nC: DATA\n" +
                      body + "S: 250 2.0.0 saved\nC: QUIT\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 2.0.0 saved");
  CHECK(fixture.last[0].relay == "mail.example.com[private/lmtp]");
  CHECK(fixture.last[0].remote_mta == "");
}

TEST_CASE("a server that does not know LHLO gets no HELO") {
  Fixture fixture;
  fixture.servers.add(greeting + "S: 500 what\n");
  CHECK(fixture.send() ==
        "bounce 5.0.0 host mail.example.com[private/lmtp] refused to talk to me: 500 what");
}

TEST_CASE("after the message each accepted recipient has a reply of its own, in their order") {
  Fixture fixture;
  fixture.recipient("b@example.org");
  fixture.recipient("c@example.org");
  fixture.recipient("d@example.org");
  fixture.servers.add(pipelining +
                      "C: MAIL FROM:<s@me.example>\nC: RCPT TO:<r@example.org>\n"
                      "C: RCPT TO:<b@example.org>\nC: RCPT TO:<c@example.org>\n"
                      "C: RCPT TO:<d@example.org>\nC: DATA\n"
                      "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 unknown\nS: 250 ok\nS: 250 ok\n" +
                      body +
                      "S: 250 2.1.5 r saved\nS: 452 4.2.2 c is over quota\n"
                      "S: 552 5.2.2 d is over quota\nC: QUIT\n");
  const std::string host = "host mail.example.com[private/lmtp] said: ";
  CHECK(fixture.send() == "delivered 2.1.5 250 2.1.5 r saved|bounce 5.1.1 " + host +
                              "550 5.1.1 unknown (in reply to RCPT TO command)|retry 4.2.2 " +
                              host +
                              "452 4.2.2 c is over quota (in reply to end of DATA command)|"
                              "bounce 5.2.2 " +
                              host + "552 5.2.2 d is over quota (in reply to end of DATA command)");
}

TEST_CASE("if the connection breaks between the replies, the recipients without one are retried") {
  Fixture fixture;
  fixture.recipient("b@example.org");
  fixture.recipient("c@example.org");
  fixture.attempt.route.fallbacks.push_back(FallbackHop{"[192.0.2.2]:24", {}, {}});
  fixture.servers.add(pipelining + to_three + "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\n" +
                      body + "S: 250 2.0.0 r saved\nS: 550 5.7.1 not for b\n--");
  // The fallback relay is not tried: the server may have c's mail.
  CHECK(fixture.send() ==
        "delivered 2.0.0 250 2.0.0 r saved|bounce 5.7.1 host mail.example.com[private/lmtp] said: "
        "550 5.7.1 not for b (in reply to end of DATA command)|retry 4.4.2 lost connection with "
        "mail.example.com[private/lmtp] while sending end of data -- message may be sent more "
        "than once");
  for (const auto& outcome : fixture.last) {
    CHECK(outcome.relay == "mail.example.com[private/lmtp]");
  }
}

TEST_CASE("421 between the replies is the reply to all recipients that are left") {
  Fixture fixture;
  fixture.recipient("b@example.org");
  fixture.recipient("c@example.org");
  fixture.servers.add(pipelining + to_three + "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\n" +
                      body + "S: 250 2.0.0 r saved\nS: 421 4.3.2 shutting down\n");
  CHECK(fixture.send() ==
        "delivered 2.0.0 250 2.0.0 r saved|retry 4.3.2 host mail.example.com[private/lmtp] said: "
        "421 4.3.2 shutting down (in reply to end of DATA command)|retry 4.3.2 host "
        "mail.example.com[private/lmtp] said: 421 4.3.2 shutting down (in reply to end of DATA "
        "command)");
}

TEST_CASE("a server that goes on after DATA without a recipient is not waited for") {
  Fixture fixture;
  fixture.servers.add(pipelining +
                      "C: MAIL FROM:<s@me.example>\nC: RCPT TO:<r@example.org>\nC: DATA\n"
                      "S: 250 ok\nS: 550 5.1.1 unknown\nS: 354 go\nC: .\n"
                      "C: (lost connection)\n");
  CHECK(fixture.send().starts_with("bounce 5.1.1 "));
}

TEST_CASE("an LMTP session is reused, also after a recipient was refused at the end") {
  Fixture fixture;
  const std::string unended =
      "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
      body;
  fixture.servers.add(plain + unended + "S: 250 saved\nC: QUIT\n");
  fixture.servers.add(plain + unended + "S: 552 5.2.2 over quota\n" + unended + "S: 250 saved\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 saved");
  CHECK(fixture.send().starts_with("bounce 5.2.2"));
  CHECK(fixture.send() == "delivered 2.0.0 250 saved");
  CHECK(fixture.servers.connected.size() == 2);
}

TEST_CASE("an LMTP server's port is lmtp_tcp_port, and its MX records are not looked up") {
  Fixture fixture({"lmtp_tcp_port=2424", "lmtp_connect_timeout=5s"});
  fixture.servers.add("refused");
  fixture.servers.add("refused");
  fixture.dns.address("example.org", "192.0.2.9");
  fixture.attempt.route.next_hop = "[example.org]";
  CHECK(fixture.send() == "retry 4.4.1 connect to example.org[192.0.2.9]:2424: Connection refused");
  fixture.attempt.route.next_hop = "[192.0.2.7]:24";
  CHECK(fixture.send() == "retry 4.4.1 connect to 192.0.2.7[192.0.2.7]:24: Connection refused");
}

TEST_CASE("mail for an LMTP server that does not exist waits, since an admin named it") {
  LogCapture log;
  Fixture fixture;
  fixture.attempt.route.next_hop = "[nowhere.example]:24";
  CHECK(fixture.send().starts_with(
      "retry 4.3.5 LMTP server configuration problem: Host unknown. Name service error"));
}

TEST_CASE("over a Unix socket TLS is begun only where the server must be verified") {
  for (std::string level : {"may", "encrypt"}) {
    CAPTURE(level);
    Fixture fixture({"lmtp_tls_security_level=" + level});
    fixture.servers.add(greeting +
                        "S: 250-mail.example.com\nS: 250 STARTTLS\nC: MAIL FROM:<s@me.example>\n"
                        "S: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
                        body + "S: 250 saved\n");
    CHECK(fixture.send() == "delivered 2.0.0 250 saved");
  }
  Fixture fixture({"lmtp_tls_security_level=verify"});
  fixture.servers.add(plain);
  CHECK(fixture.send() ==
        "retry 4.7.4 TLS is required, but was not offered by host mail.example.com[private/lmtp]");
}

TEST_CASE("by TCP an LMTP server gets STARTTLS as lmtp_tls_security_level says") {
  Fixture fixture({"lmtp_tls_security_level=encrypt"});
  fixture.attempt.route.next_hop = "[192.0.2.2]:24";
  fixture.servers.add(greeting +
                      "S: 250-mail.example.com\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\n"
                      "C: LHLO me.example\nS: 250 mail.example.com\nC: MAIL FROM:<s@me.example>\n"
                      "S: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
                      body + "S: 250 saved\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 saved");
}

TEST_CASE("an LMTP server is logged in to with what lmtp_sasl_password_maps gives") {
  Fixture fixture({"lmtp_sasl_auth_enable=yes", "lmtp_sasl_security_options=noanonymous"});
  fixture.attempt.route.credentials = "ann:secret";
  fixture.servers.add(greeting +
                      "S: 250-mail.example.com\nS: 250 AUTH PLAIN\nC: AUTH PLAIN "
                      "AGFubgBzZWNyZXQ=\nS: 235 in\nC: MAIL FROM:<s@me.example>\n"
                      "S: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n" +
                      body + "S: 250 saved\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 saved");
}

TEST_CASE("an LMTP server that has DSN takes over the report of success") {
  Fixture fixture;
  fixture.attempt.envelope.recipients[0].notify = notify_success;
  fixture.servers.add(greeting +
                      "S: 250-mail.example.com\nS: 250 DSN\nC: MAIL FROM:<s@me.example>\n"
                      "S: 250 ok\nC: RCPT TO:<r@example.org> NOTIFY=SUCCESS\nS: 250 ok\nC: DATA\n" +
                      body + "S: 250 saved\n");
  CHECK(fixture.send() == "delivered 2.0.0 250 saved");
  CHECK(fixture.last[0].is_dsn_relayed);
}
