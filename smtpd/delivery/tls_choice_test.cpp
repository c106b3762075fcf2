#include "smtpd/delivery/tls_choice.h"

#include <doctest/doctest.h>

#include "common/log/sink.h"
#include "smtpd/delivery/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string transaction =
    "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n"
    "S: 354 go\nC: Subject: x\nC: \nC: hello\nC: .\nS: 250 ok\nC: QUIT\n";
const std::string begin =
    "S: 220 a.example\nC: EHLO me.example\nS: 250-a.example\nS: 250 STARTTLS\n";
const std::string over_tls =
    begin + "C: STARTTLS\nS: 220 go\nTLS\nC: EHLO me.example\nS: 250 a.example\n" + transaction;
const std::string given_up = begin + "C: STARTTLS\nS: 220 go\nTLS\n";
const std::string without_tls =
    "S: 220 a.example\nC: EHLO me.example\nS: 250 a.example\n" + transaction;
constexpr const char* delivered = "delivered 2.0.0 250 ok";

/// a.example is the only MX host of example.org, and all of it is secure.
struct Fixture : SenderFixture {
  explicit Fixture(const std::string& level, std::vector<std::string> settings = {})
      : SenderFixture(with_dnssec(std::move(settings)), Protocol::Smtp, "a.example") {
    dns = TableResolver();
    dns.mx_record("example.org", 10, "a.example").address("a.example", "192.0.2.1");
    for (const char* name : {"example.org", "a.example", records}) dns.secure(name);
    attempt.route.tls_policy = level;
  }
  static std::vector<std::string> with_dnssec(std::vector<std::string> settings) {
    settings.push_back("smtp_dns_support_level=dnssec");
    return settings;
  }
  void enforce(std::string pattern) {
    attempt.route.sts.mode = StsMode::Enforce;
    attempt.route.sts.patterns = {std::move(pattern)};
  }
  static constexpr const char* records = "_25._tcp.a.example";
};

}  // namespace

TEST_CASE("with level dane the certificate that a TLSA record names is taken, and no other") {
  Fixture fixture("dane");
  TestCertificate other;
  SUBCASE("the right one") {
    fixture.dns.tlsa_record(Fixture::records, {3, 0, 0, fixture.servers.certificate.der()});
    fixture.servers.add(over_tls);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("another") {
    fixture.dns.tlsa_record(Fixture::records, {3, 0, 0, other.der()});
    fixture.servers.add(given_up);
    CHECK(fixture.send() == "retry 4.7.5 Server certificate not trusted");
  }
  SUBCASE("no TLS at all") {
    fixture.dns.tlsa_record(Fixture::records, {3, 0, 0, other.der()});
    fixture.servers.add("S: 220 a.example\nC: EHLO me.example\nS: 250 a.example\nC: QUIT\n");
    CHECK(fixture.send() ==
          "retry 4.7.4 TLS is required, but was not offered by host a.example[192.0.2.1]");
  }
}

TEST_CASE("with level dane a host without TLSA records gets opportunistic TLS") {
  Fixture fixture("dane");
  fixture.servers.add(without_tls);
  CHECK(fixture.send() == delivered);
}

TEST_CASE("with level dane, TLSA records that are all unusable demand encryption alone") {
  Fixture fixture("dane");
  fixture.dns.tlsa_record(Fixture::records, {1, 1, 1, std::string(32, 'd')});
  SUBCASE("by any certificate") {
    fixture.servers.add(over_tls);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("not without") {
    fixture.servers.add("S: 220 a.example\nC: EHLO me.example\nS: 250 a.example\nC: QUIT\n");
    CHECK(fixture.send().starts_with("retry 4.7.4 TLS is required"));
  }
}

TEST_CASE("a failed look-up of TLSA records defers the host, without a connection") {
  for (std::string level : {"dane", "dane-only"}) {
    Fixture fixture(level);
    fixture.dns.try_later(Fixture::records, DnsType::Tlsa);
    CHECK(fixture.send() ==
          "retry 4.7.5 TLSA lookup error for a.example:25: Host not found, try again");
    CHECK(fixture.servers.connected.empty());
  }
}

TEST_CASE("with level dane-only mail waits where there are no TLSA records") {
  Fixture fixture("dane-only");
  CHECK(fixture.send() ==
        "retry 4.7.5 no TLSA records found for a.example, but dane-only is required");
  CHECK(fixture.servers.connected.empty());
}

TEST_CASE("DANE without DNSSEC is an error, not less protection") {
  SenderFixture fixture;
  fixture.attempt.route.tls_policy = "dane";
  CHECK(fixture.send() ==
        "retry 4.7.5 the TLS level dane needs smtp_dns_support_level = \"dnssec\"");
}

TEST_CASE("a fingerprint of the policy decides, whoever has signed the certificate") {
  Fixture fixture("fingerprint match=00:11|" + std::string("22:33"));
  SUBCASE("another") {
    fixture.servers.add(given_up);
    CHECK(fixture.send() == "retry 4.7.5 Server certificate not trusted");
  }
  SUBCASE("the right one, in any case") {
    fixture.attempt.route.tls_policy =
        "fingerprint match=00:11|" + lower(fixture.servers.certificate.fingerprint());
    fixture.servers.add(over_tls);
    CHECK(fixture.send() == delivered);
  }
}

TEST_CASE("trust anchors of the policy are trusted in place of the authorities") {
  Fixture fixture("verify tafile=/etc/anchor.pem");
  TestCertificate other;
  SUBCASE("another's") {
    fixture.attempt.route.trust_anchors = other.chain();
    fixture.servers.add(given_up);
    CHECK(fixture.send() == "retry 4.7.5 Server certificate not trusted");
  }
  SUBCASE("the right one") {
    fixture.attempt.route.trust_anchors = fixture.servers.authority.chain();
    fixture.servers.add(over_tls);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("none that can be read") {
    fixture.attempt.route.trust_anchors = "nonsense";
    CHECK(fixture.send() == "retry 4.7.5 tafile: no certificate or public key in PEM");
  }
}

TEST_CASE("a policy that MTA-STS enforces demands a host that it names, with its certificate") {
  Fixture fixture("", {"smtp_tls_security_level=may"});
  SUBCASE("the host has it") {
    fixture.enforce("a.example");
    fixture.servers.add(over_tls);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("a star stands for a first label alone") {
    fixture.enforce("*.a.example");
    CHECK(fixture.send() ==
          "retry 4.7.5 the MTA-STS policy of example.org does not name the host a.example");
    CHECK(fixture.servers.connected.empty());
  }
  SUBCASE("the host has no TLS") {
    fixture.enforce("a.example");
    fixture.servers.add("S: 220 a.example\nC: EHLO me.example\nS: 250 a.example\nC: QUIT\n");
    CHECK(fixture.send().starts_with("retry 4.7.4 TLS is required"));
  }
  SUBCASE("a policy that is only tested changes nothing") {
    fixture.enforce("b.example");
    fixture.attempt.route.sts.mode = StsMode::Testing;
    fixture.servers.add(without_tls);
    CHECK(fixture.send() == delivered);
  }
}

TEST_CASE("a host of an MTA-STS policy that shows a certificate for another name gets no mail") {
  SenderFixture fixture({"smtp_tls_security_level=may"});
  fixture.dns = TableResolver();
  fixture.dns.mx_record("example.org", 10, "a.example").address("a.example", "192.0.2.1");
  fixture.attempt.route.sts.mode = StsMode::Enforce;
  fixture.attempt.route.sts.patterns = {"a.example"};
  fixture.servers.add(given_up);
  CHECK(fixture.send() == "retry 4.7.5 Server certificate not verified");
}

TEST_CASE("DANE goes before MTA-STS, and an entry in the tables before both") {
  SUBCASE("DANE") {
    Fixture fixture("", {"smtp_tls_security_level=dane"});
    fixture.enforce("b.example");
    fixture.dns.tlsa_record(Fixture::records, {3, 0, 0, fixture.servers.certificate.der()});
    fixture.servers.add(over_tls);
    CHECK(fixture.send() == delivered);
  }
  SUBCASE("MTA-STS where DANE has nothing to say") {
    Fixture fixture("", {"smtp_tls_security_level=dane"});
    fixture.enforce("b.example");
    CHECK(fixture.send().starts_with("retry 4.7.5 the MTA-STS policy of example.org"));
  }
  SUBCASE("the table") {
    Fixture fixture("may", {"smtp_tls_security_level=dane"});
    fixture.enforce("b.example");
    fixture.servers.add(without_tls);
    CHECK(fixture.send() == delivered);
  }
}

TEST_CASE("the log says what a next hop's certificate was worth") {
  LogCapture log;
  Fixture fixture("dane", {"smtp_tls_loglevel=1"});
  fixture.dns.tlsa_record(Fixture::records, {3, 0, 0, fixture.servers.certificate.der()});
  fixture.servers.add(over_tls);
  CHECK(fixture.send() == delivered);
  auto has = [&](const std::string& text) {
    return std::ranges::any_of(
        log.lines(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  CHECK(
      has("smtp: Verified TLS connection established to a.example[192.0.2.1]:25: TLSv1.3 with "
          "cipher "));
  CHECK(has(" server-signature ECDSA (prime256v1) server-digest SHA256"));
  Fixture other("verify match=b.example", {"smtp_tls_loglevel=1"});
  other.servers.add(given_up);
  CHECK(other.send() == "retry 4.7.5 Server certificate not verified");
  CHECK(has("smtp: Trusted TLS connection established to a.example[192.0.2.1]:25: "));
  CHECK(
      has("smtp: certificate verification failed for a.example[192.0.2.1]:25: the certificate is "
          "for another name"));
}

TEST_CASE("each new session tells how well TLS worked, for the memory of best levels") {
  for (std::string level : {"none", "verify"}) {
    Fixture fixture(level);
    std::vector<NoteTls> notes;
    fixture.sender->on_session([&](const NoteTls& note) { notes.push_back(note); });
    fixture.servers.add(level == "none" ? without_tls : over_tls);
    CHECK(fixture.send() == delivered);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].next_hop == "example.org");
    CHECK(notes[0].target == "a.example[192.0.2.1]:25");
    CHECK(notes[0].worth == (level == "none" ? TlsWorth::Plain : TlsWorth::Verified));
  }
}
