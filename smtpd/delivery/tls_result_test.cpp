// What a session says in the report on TLS to the recipient's domain.
#include <doctest/doctest.h>

#include "smtpd/delivery/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string transaction =
    "C: MAIL FROM:<s@me.example>\nS: 250 ok\nC: RCPT TO:<r@example.org>\nS: 250 ok\nC: DATA\n"
    "S: 354 go\nC: Subject: x\nC: \nC: hello\nC: .\nS: 250 ok\nC: QUIT\n";
const std::string tls =
    "S: 220 a.example\nC: EHLO me.example\nS: 250-a.example\nS: 250 STARTTLS\nC: STARTTLS\n"
    "S: 220 go\nTLS\n";
const std::string over_tls = tls + "C: EHLO me.example\nS: 250 a.example\n" + transaction;
const std::string without_tls =
    "S: 220 a.example\nC: EHLO me.example\nS: 250 a.example\n" + transaction;

/// example.org, which has one host, a.example, wants reports.
struct Fixture : SenderFixture {
  explicit Fixture(std::vector<std::string> settings = {},
                   const std::string& certificate = "a.example")
      : SenderFixture(with(std::move(settings)), Protocol::Smtp, certificate) {
    dns = TableResolver();
    dns.mx_record("example.org", 10, "a.example").address("a.example", "192.0.2.1");
    dns.txt_record("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:tls@example.org");
    sender->on_result([this](const NoteTlsResult& note) { notes.push_back(note); });
  }
  static std::vector<std::string> with(std::vector<std::string> settings) {
    settings.insert(settings.begin(), {"smtp_tls_security_level=may", "smtp_tlsrpt_enable=yes",
                                       "smtp_dns_support_level=dnssec"});
    return settings;
  }
  void publish(StsMode mode, const std::string& pattern) {
    attempt.route.sts.mode = mode;
    attempt.route.sts.patterns = {pattern};
    attempt.route.sts.seconds = 86'400;
  }
  /// `type kind` of each note.
  std::string after(const std::string& script) {
    servers.add(script);
    send();
    std::string all;
    for (const auto& note : notes) {
      CHECK(note.domain == "example.org");
      CHECK(note.result.receiving_mx == "a.example");
      CHECK(note.result.receiving_ip == "192.0.2.1");
      all += (all.empty() ? "" : "|") + note.result.policy_type + " " + note.result.kind;
    }
    return all;
  }
  std::vector<NoteTlsResult> notes;
};

}  // namespace

TEST_CASE("without a policy each session says whether it had TLS") {
  CHECK(Fixture().after(over_tls) == "no-policy-found ");
  CHECK(Fixture().after(without_tls) == "no-policy-found starttls-not-supported");
}

TEST_CASE("an MTA-STS policy in mode testing keeps no mail back, and what it would is reported") {
  Fixture good;
  good.publish(StsMode::Testing, "a.example");
  CHECK(good.after(over_tls) == "sts ");
  CHECK(good.notes[0].result.mx_patterns == std::vector<std::string>{"a.example"});
  CHECK(good.notes[0].result.policy == std::vector<std::string>{"version: STSv1", "mode: testing",
                                                                "mx: a.example", "max_age: 86400"});
  Fixture plain;
  plain.publish(StsMode::Testing, "a.example");
  CHECK(plain.after(without_tls) == "sts starttls-not-supported");
  CHECK(plain.last[0].kind == OutcomeKind::Delivered);
  Fixture unnamed;
  unnamed.publish(StsMode::Testing, "b.example");
  CHECK(unnamed.after(over_tls) == "sts validation-failure");
  CHECK(unnamed.last[0].kind == OutcomeKind::Delivered);
  Fixture other({}, "other.example");
  other.publish(StsMode::Testing, "a.example");
  CHECK(other.after(over_tls) == "sts certificate-host-mismatch");
  CHECK(other.last[0].kind == OutcomeKind::Delivered);
}

TEST_CASE("what an enforced MTA-STS policy keeps back is reported") {
  Fixture other({}, "other.example");
  other.publish(StsMode::Enforce, "a.example");
  CHECK(other.after(tls) == "sts certificate-host-mismatch");
  CHECK(other.last[0].kind == OutcomeKind::Retry);
  Fixture unnamed;
  unnamed.publish(StsMode::Enforce, "b.example");
  unnamed.send();
  REQUIRE(unnamed.notes.size() == 1);
  CHECK(unnamed.notes[0].result.kind == "validation-failure");
}

TEST_CASE("an announced MTA-STS policy that can't be fetched is reported") {
  Fixture fixture;
  fixture.attempt.route.sts.failure = "sts-webpki-invalid";
  CHECK(fixture.after(over_tls) == "sts sts-webpki-invalid");
  CHECK(fixture.last[0].kind == OutcomeKind::Delivered);
}

TEST_CASE("sessions under DANE are reported with the TLSA records") {
  TestCertificate other;
  for (bool is_right : {true, false}) {
    Fixture fixture({"smtp_tls_security_level=dane"});
    for (const char* name : {"example.org", "a.example", "_25._tcp.a.example"}) {
      fixture.dns.secure(name);
    }
    std::string data = is_right ? fixture.servers.certificate.der() : other.der();
    fixture.dns.tlsa_record("_25._tcp.a.example", {3, 0, 0, data});
    auto said = fixture.after(is_right ? over_tls : tls);
    CHECK(said == (is_right ? "tlsa " : "tlsa certificate-not-trusted"));
    REQUIRE(fixture.notes.size() == 1);
    REQUIRE(fixture.notes[0].result.policy.size() == 1);
    CHECK(fixture.notes[0].result.policy[0].starts_with("3 0 0 "));
  }
  Fixture unknown({"smtp_tls_security_level=dane"});
  for (const char* name : {"example.org", "a.example"}) unknown.dns.secure(name);
  unknown.dns.try_later("_25._tcp.a.example", DnsType::Tlsa);
  unknown.send();
  REQUIRE(unknown.notes.size() == 1);
  CHECK(unknown.notes[0].result.policy_type == "tlsa");
  CHECK(unknown.notes[0].result.kind == "dnssec-invalid");
}

TEST_CASE("a session that is no matter of the domain's policy is not reported") {
  Fixture fixture;
  SUBCASE("it wants no reports") {
    fixture.dns = TableResolver();
    fixture.dns.mx_record("example.org", 10, "a.example").address("a.example", "192.0.2.1");
  }
  SUBCASE("the admin has said what TLS there is") { fixture.attempt.route.tls_policy = "may"; }
  SUBCASE("the admin has named the host") { fixture.attempt.route.next_hop = "[a.example]"; }
  SUBCASE("the mail forgoes TLS, as reports do") {
    fixture.attempt.envelope.is_tls_optional = true;
  }
  CHECK(fixture.after(over_tls) == "");
  CHECK(Fixture({"smtp_tlsrpt_enable=no"}).after(over_tls) == "");
  CHECK(Fixture({"smtp_tls_security_level=none"}).after(without_tls) == "");
}
