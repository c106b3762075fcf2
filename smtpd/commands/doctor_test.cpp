#include <doctest/doctest.h>

#include <algorithm>

#include "common/dns/testing.h"
#include "common/mailauth/dkim_signer.h"
#include "smtpd/commands/doctor_dns.h"
#include "smtpd/commands/doctor_host.h"
#include "smtpd/commands/findings.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

std::shared_ptr<const Config> host(const std::string& more = "") {
  LoadOptions options;
  options.system = System{"mail.example.org", true, {}};
  auto config = Config::parse(
      "role = \"destination\"\nmyhostname = \"mail.example.org\"\n"
      "mydomain = \"example.org\"\n" +
          more,
      options);
  REQUIRE(config);
  return *config;
}

/// A host of which all is well.
TableResolver good_zone() {
  TableResolver zone;
  zone.address("mail.example.org", "5.6.7.8")
      .ptr("5.6.7.8", "mail.example.org")
      .mx_record("example.org", 10, "mail.example.org")
      .txt_record("example.org", "v=spf1 mx -all")
      .txt_record("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:postmaster@example.org");
  return zone;
}

Findings look(TableResolver& zone, const std::string& more = "") {
  Loop loop;
  DoctorDns about{"example.org", {*IpAddress::parse("5.6.7.8")}, {}, {}};
  return check_dns(*host(more), loop, zone, about);
}

const Finding* with(const Findings& findings, const std::string& part) {
  auto found = std::ranges::find_if(findings, [&](const Finding& finding) {
    return finding.what.find(part) != std::string::npos;
  });
  return found == findings.end() ? nullptr : &*found;
}

bool is(const Findings& findings, Level level, const std::string& part) {
  const auto* finding = with(findings, part);
  return finding != nullptr && finding->level == level;
}

}  // namespace

TEST_CASE("of a host with good records the doctor finds nothing") {
  auto zone = good_zone();
  auto findings = look(zone);
  CAPTURE(findings_text(findings, true));
  CHECK(worst_of(findings) == Level::Good);
  CHECK(with(findings, "SPF of example.org allows 5.6.7.8") != nullptr);
}

TEST_CASE("each record that is missing is a finding, with the record to publish") {
  TableResolver zone;
  zone.no_data("example.org").no_data("_dmarc.example.org").no_data("mail.example.org");
  auto findings = look(zone);
  CAPTURE(findings_text(findings, true));
  CHECK(is(findings, Level::Problem, "mail.example.org has no address in DNS"));
  CHECK(with(findings, "no address in DNS")->remedy.ends_with("A     5.6.7.8"));
  CHECK(is(findings, Level::Problem, "5.6.7.8 has no name (PTR)"));
  CHECK(with(findings, "no name")->remedy.starts_with("8.7.6.5.in-addr.arpa."));
  CHECK(is(findings, Level::Problem, "example.org has no MX record"));
  CHECK(with(findings, "no MX")->remedy.ends_with("MX    10 mail.example.org."));
  CHECK(is(findings, Level::Warning, "example.org has no SPF record"));
  CHECK(is(findings, Level::Warning, "example.org has no DMARC record"));
}

TEST_CASE("records that lead elsewhere, forbid us or are wrong are found") {
  TableResolver zone;
  zone.address("mail.example.org", "9.9.9.9")
      .ptr("5.6.7.8", "host8.isp.example")
      .address("host8.isp.example", "5.6.7.9")
      .mx_record("example.org", 10, "mx.isp.example")
      .txt_record("example.org", "v=spf1 ip4:9.9.9.9 -all")
      .txt_record("_dmarc.example.org", "v=DMARC1; p=maybe");
  auto findings = look(zone);
  CAPTURE(findings_text(findings, true));
  CHECK(is(findings, Level::Warning, "mail.example.org is 9.9.9.9, and this host has 5.6.7.8"));
  CHECK(is(findings, Level::Problem,
           "5.6.7.8 is called host8.isp.example, which does not lead back"));
  CHECK(is(findings, Level::Warning, "the mail of example.org goes to mx.isp.example"));
  CHECK(is(findings, Level::Problem, "SPF of example.org does not allow 5.6.7.8: fail"));
  TableResolver null_mx;
  null_mx.mx_record("example.org", 0, "");
  CHECK(is(look(null_mx), Level::Problem, "takes no mail (null MX)"));
}

TEST_CASE("what DNS does not answer is a note, and never a problem") {
  TableResolver zone;
  for (const char* name : {"mail.example.org", "example.org", "_dmarc.example.org"}) {
    for (auto type : {DnsType::A, DnsType::Aaaa, DnsType::Mx, DnsType::Txt}) {
      zone.try_later(name, type);
    }
  }
  zone.ptr("5.6.7.8", "mail.example.org");
  auto findings = look(zone);
  CAPTURE(findings_text(findings, true));
  CHECK(worst_of(findings) == Level::Note);
}

TEST_CASE("a domain without keys, and keys that DNS does not show, are found") {
  auto zone = good_zone();
  Loop loop;
  DoctorDns about{"example.org", {*IpAddress::parse("5.6.7.8")}, {}, KeptKeys()};
  auto config = host();
  CHECK(is(check_dns(*config, loop, zone, about), Level::Warning,
           "mail of example.org is not signed (DKIM)"));
  about.keys->keys.push_back({"one", SigningKey::make_ed25519(), 1, false});
  auto findings = check_dns(*config, loop, zone, about);
  CHECK(is(findings, Level::Problem, "the DKIM key one of example.org is not in DNS"));
  CHECK(with(findings, "not in DNS")->remedy.starts_with("one._domainkey.example.org. IN TXT"));
  zone.txt_record("one._domainkey.example.org", dkim_key_record(about.keys->keys[0].key));
  CHECK(is(check_dns(*config, loop, zone, about), Level::Good,
           "the DKIM key one of example.org is in DNS"));
  about.keys->keys[0].key = SigningKey::make_ed25519();
  CHECK(is(check_dns(*config, loop, zone, about), Level::Problem, "is another in DNS"));
}

TEST_CASE("with a relayhost our own address need not be in the SPF record") {
  auto zone = good_zone();
  zone.txt_record("example.net", "v=spf1 -all");
  Loop loop;
  DoctorDns about{"example.net", {*IpAddress::parse("5.6.7.8")}, {}, {}};
  auto findings = check_dns(*host("relayhost = \"[smtp.isp.example]\"\n"), loop, zone, about);
  CHECK(is(findings, Level::Good, "example.net has an SPF record"));
}

TEST_CASE("an address on a block list is a problem; an answer that says not to ask is none") {
  Loop loop;
  TableResolver zone;
  std::vector<IpAddress> addresses{*IpAddress::parse("5.6.7.8")};
  zone.address("8.7.6.5.bl.spamcop.net", "127.0.0.2");
  CHECK(is(check_block_lists(loop, zone, addresses), Level::Problem,
           "5.6.7.8 is listed by bl.spamcop.net"));
  TableResolver refusing;
  refusing.address("8.7.6.5.zen.spamhaus.org", "127.255.255.254");
  CHECK(worst_of(check_block_lists(loop, refusing, addresses)) == Level::Good);
}

TEST_CASE("addresses of private networks and for documentation are not public") {
  for (const char* text : {"10.1.2.3", "172.20.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1",
                           "192.0.2.5", "fd00::1", "fe80::1", "::1", "2001:db8::1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_public(*IpAddress::parse(text)));
  }
  for (const char* text : {"5.6.7.8", "172.32.0.1", "2a01:4f8::1"}) {
    CAPTURE(text);
    CHECK(is_public(*IpAddress::parse(text)));
  }
}

TEST_CASE("mail that waits for hours is told by destination, the oldest first, with what helps") {
  constexpr std::int64_t now = 1'000'000;
  SummarizeQueue::Summary queue;
  queue.messages = 4;
  queue.put_off = {{"y.example", 1, now - 3 * 86'400, "Relay access denied"},
                   {"x.example", 2, now - 6 * 3600,
                    "connect to mx.x.example[192.0.2.1]:25: Connection timed out"},
                   {"z.example", 1, now - 60, "greylisted"}};
  auto findings = findings_of_queue(queue, now);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].what == "1 for y.example wait, the oldest for 3 days: Relay access denied");
  CHECK(findings[0].remedy.find("smtp_sasl_password_maps") != std::string::npos);
  CHECK(findings[1].what.starts_with("2 for x.example wait, the oldest for 6 hours: connect to"));
  CHECK(findings[1].remedy.find("port 25") != std::string::npos);
  queue.put_off.clear();
  findings = findings_of_queue(queue, now);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].level == Level::Good);
  CHECK(findings[0].what == "4 messages, none put off for long");
  CHECK(findings_of_queue({}, now)[0].what == "it is empty");
}

TEST_CASE("findings are shown the worst first, as text and as JSON") {
  Findings findings{{Level::Good, "a", "well", "", ""},
                    {Level::Warning, "b", "a \"quote\"", "it matters", "do it"},
                    {Level::Problem, "c", "broken", "", ""}};
  CHECK(findings_text(findings, false) ==
        "problem: c: broken\nwarning: b: a \"quote\"\n  why: it matters\n  do:  do it\n");
  CHECK(findings_text(findings, true).ends_with("good: a: well\n"));
  CHECK(findings_json({findings[1]}) ==
        "{\"level\": \"warning\", \"area\": \"b\", \"what\": \"a \\\"quote\\\"\", \"why\": \"it "
        "matters\", \"remedy\": \"do it\"}\n");
  CHECK(worst_of(findings) == Level::Problem);
}

TEST_CASE("a certificate that ends, is another's or is self-signed is found") {
  auto config = host();
  CertificateReport report;
  report.names_host = true;
  report.seconds_left = 60 * 86'400;
  CHECK(worst_of(check_certificate(*config, report)) == Level::Good);
  report.seconds_left = 10 * 86'400;
  CHECK(is(check_certificate(*config, report), Level::Warning, "it ends in 10 days"));
  report.seconds_left = 3 * 86'400;
  CHECK(is(check_certificate(*config, report), Level::Problem, "it ends in 3 days"));
  report.seconds_left = -3 * 86'400;
  CHECK(is(check_certificate(*config, report), Level::Problem, "it ended 3 days ago"));
  report.names_host = false;
  report.names = "www.example.org";
  CHECK(is(check_certificate(*config, report), Level::Problem,
           "it is for www.example.org, not for mail.example.org"));
  report.is_self_signed = true;
  CHECK(is(check_certificate(*config, report), Level::Warning, "it is self-signed"));
  CHECK(is(check_certificate(*config, {}), Level::Warning, "no certificate"));
}
