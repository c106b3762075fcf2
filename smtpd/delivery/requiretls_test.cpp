// Mail that asks for more TLS than the settings do (REQUIRETLS), or for none (TLS-Required: No).
#include <doctest/doctest.h>

#include "smtpd/delivery/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string begin =
    "S: 220 a.example\nC: EHLO me.example\nS: 250-a.example\nS: 250 STARTTLS\n";
const std::string tls = begin + "C: STARTTLS\nS: 220 go\nTLS\n";
const std::string rest =
    "S: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\nC: Subject: x\nC: \n"
    "C: hello\nC: .\nS: 250 ok\nC: QUIT\n";
const std::string hello = tls + "C: EHLO me.example\n";
const std::string plain = "S: 220 a.example\nC: EHLO me.example\nS: 250 a.example\n";
const std::string requiring =
    hello + "S: 250-a.example\nS: 250 REQUIRETLS\nC: MAIL FROM:<s@me.example> REQUIRETLS\n" + rest;
const std::string not_requiring = hello + "S: 250 a.example\nC: MAIL FROM:<s@me.example>\n" + rest;
const std::string unencrypted = plain + "C: MAIL FROM:<s@me.example>\n" + rest;
constexpr const char* delivered = "delivered 2.0.0 250 ok";

/// DNSSEC says that a.example and then b.example have the mail of example.org.
struct Fixture : SenderFixture {
  explicit Fixture(const std::string& certificate_name = "a.example")
      : SenderFixture({"smtp_dns_support_level=dnssec", "smtp_tls_security_level=may"},
                      Protocol::Smtp, certificate_name) {
    for (const char* name : {"example.org", "a.example", "b.example"}) dns.secure(name);
    attempt.envelope.requires_tls = true;
  }
  void only_a() {
    dns = TableResolver();
    dns.mx_record("example.org", 10, "a.example").address("a.example", "192.0.2.1");
  }
};

}  // namespace

TEST_CASE("a message with REQUIRETLS goes to a host with its certificate and REQUIRETLS") {
  Fixture fixture;
  SUBCASE("that DNSSEC names") {}
  SUBCASE("that MTA-STS names") {
    fixture.only_a();
    fixture.attempt.route.sts.mode = StsMode::Testing;
    fixture.attempt.route.sts.patterns = {"a.example"};
  }
  SUBCASE("that the admin names") {
    fixture.only_a();
    fixture.attempt.route.next_hop = "[a.example]";
  }
  SUBCASE("whose certificate is the one of the policy") {
    fixture.attempt.route.tls_policy =
        "fingerprint match=" + fixture.servers.certificate.fingerprint();
  }
  fixture.servers.add(requiring);
  CHECK(fixture.send() == delivered);
}

TEST_CASE("a message with REQUIRETLS is returned where no host can keep what it promises") {
  Fixture fixture;
  fixture.only_a();
  fixture.dns.secure("example.org").secure("a.example");
  SUBCASE("no TLS") {
    fixture.servers.add(plain + "C: QUIT\n");
    CHECK(fixture.send() ==
          "bounce 5.7.10 REQUIRETLS: TLS is required, but was not offered by host "
          "a.example[192.0.2.1]");
  }
  SUBCASE("no REQUIRETLS behind TLS") {
    fixture.servers.add(hello + "S: 250 a.example\nC: QUIT\n");
    CHECK(fixture.send() ==
          "bounce 5.7.30 REQUIRETLS is required, but was not offered by host "
          "a.example[192.0.2.1]");
  }
  SUBCASE("REQUIRETLS only before TLS") {
    fixture.servers.add(
        "S: 220 a.example\nC: EHLO me.example\nS: 250-a.example\nS: 250-REQUIRETLS\n"
        "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO me.example\nS: 250 a.example\n"
        "C: QUIT\n");
    CHECK(fixture.send().starts_with("bounce 5.7.30 REQUIRETLS is required"));
  }
  SUBCASE("nobody vouches for the host") {
    fixture.only_a();
    SUBCASE("whose own name a policy takes from DNS") {
      fixture.attempt.route.tls_policy = "verify match=hostname";
    }
    SUBCASE("and no policy says anything") {}
    CHECK(fixture.send() ==
          "bounce 5.7.10 REQUIRETLS: neither DNSSEC nor MTA-STS says that a.example has the mail "
          "of example.org");
    CHECK(fixture.servers.connected.empty());
  }
}

TEST_CASE("a message with REQUIRETLS is returned where the certificate is for another name") {
  Fixture fixture("other.example");
  fixture.only_a();
  fixture.dns.secure("example.org").secure("a.example");
  fixture.servers.add(tls);
  CHECK(fixture.send() == "bounce 5.7.10 REQUIRETLS: Server certificate not verified");
}

TEST_CASE("a host without REQUIRETLS is followed by the next") {
  Fixture fixture;
  fixture.attempt.route.tls_policy =
      "fingerprint match=" + fixture.servers.certificate.fingerprint();
  fixture.servers.add(hello + "S: 250 a.example\nC: QUIT\n");
  SUBCASE("that has it") {
    fixture.servers.add(requiring);
    CHECK(fixture.send() == delivered);
    CHECK(fixture.last[0].relay == "b.example[192.0.2.2]:25");
  }
  SUBCASE("that can't be reached: the mail waits") {
    fixture.servers.add("refused");
    CHECK(fixture.send().starts_with("retry 4.4.1 connect to b.example"));
  }
}

TEST_CASE("a host that can't be reached may have REQUIRETLS later, whatever the others have") {
  Fixture fixture;
  fixture.servers.add("refused");
  fixture.servers.add(plain + "C: QUIT\n");
  CHECK(fixture.send().starts_with("retry 4.4.1 connect to a.example"));
}

TEST_CASE("smtp_requiretls_policy may ask less of a next hop") {
  Fixture fixture;
  fixture.only_a();
  auto& policy = fixture.attempt.route.requiretls;
  SUBCASE("opportunistic: without TLS") {
    policy = RequireTls::Opportunistic;
    fixture.servers.add(unencrypted);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("opportunistic: REQUIRETLS where it is offered, for any certificate") {
    policy = RequireTls::Opportunistic;
    fixture.servers.add(requiring);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("opportunistic+starttls: not without TLS") {
    policy = RequireTls::OpportunisticTls;
    fixture.servers.add(plain + "C: QUIT\n");
    CHECK(fixture.send().starts_with("bounce 5.7.10 REQUIRETLS: TLS is required"));
  }
  SUBCASE("opportunistic+starttls: without REQUIRETLS") {
    policy = RequireTls::OpportunisticTls;
    fixture.servers.add(not_requiring);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("disable: it is not passed on") {
    policy = RequireTls::Disable;
    fixture.servers.add(hello + "S: 250-a.example\nS: 250 REQUIRETLS\n" +
                        "C: MAIL FROM:<s@me.example>\n" + rest);
    CHECK(fixture.send() == delivered);
  }
}

TEST_CASE("mail without REQUIRETLS is not asked to have it") {
  Fixture fixture;
  fixture.attempt.envelope.requires_tls = false;
  fixture.servers.add(hello + "S: 250-a.example\nS: 250 REQUIRETLS\n" +
                      "C: MAIL FROM:<s@me.example>\n" + rest);
  CHECK(fixture.send() == delivered);
}

TEST_CASE("with TLS-Required: No neither tables nor DANE nor MTA-STS keep the mail back") {
  Fixture fixture;
  fixture.only_a();
  fixture.attempt.envelope.requires_tls = false;
  fixture.attempt.envelope.is_tls_optional = true;
  SUBCASE("a table") { fixture.attempt.route.tls_policy = "secure"; }
  SUBCASE("MTA-STS") {
    fixture.attempt.route.sts.mode = StsMode::Enforce;
    fixture.attempt.route.sts.patterns = {"b.example"};
  }
  SUBCASE("DANE") {
    fixture.attempt.route.tls_policy = "dane";
    fixture.dns.try_later("_25._tcp.a.example", DnsType::Tlsa);
  }
  fixture.servers.add(unencrypted);
  CHECK(fixture.send() == delivered);
}

TEST_CASE("TLS-Required: No leaves a host that we log in to as strict as the admin wants it") {
  Fixture fixture("other.example");
  fixture.only_a();
  fixture.attempt.envelope.requires_tls = false;
  fixture.attempt.envelope.is_tls_optional = true;
  fixture.attempt.route.tls_policy = "secure";
  fixture.attempt.route.credentials = "me:secret";
  fixture.servers.add(tls);
  CHECK(fixture.send().starts_with("retry 4.7.5"));
}

TEST_CASE(
    "mail without a return path asks for REQUIRETLS where it is offered, and is not lost for it") {
  Fixture fixture;
  fixture.only_a();
  fixture.attempt.envelope.sender.clear();
  fixture.servers.add(plain + "C: MAIL FROM:<>\n" + rest);
  CHECK(fixture.send() == delivered);
}

TEST_CASE("REQUIRETLS overrides TLS-Required: No") {
  Fixture fixture;
  fixture.only_a();
  fixture.attempt.envelope.is_tls_optional = true;
  CHECK(fixture.send().starts_with("bounce 5.7.10 REQUIRETLS: neither DNSSEC"));
}

TEST_CASE("a kept session is not used for mail that asks for other TLS") {
  Fixture fixture;
  fixture.only_a();
  fixture.dns.secure("example.org").secure("a.example");
  // The second one's session is kept, since there is more than one message for the host.
  for (int times = 0; times < 2; ++times) {
    fixture.servers.add(requiring);
    CHECK(fixture.send() == delivered);
  }
  fixture.attempt.envelope.requires_tls = false;
  fixture.servers.add(not_requiring);
  CHECK(fixture.send() == delivered);
  CHECK(fixture.servers.connected.size() == 3);
}
