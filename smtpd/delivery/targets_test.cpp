#include "smtpd/delivery/targets.h"

#include <doctest/doctest.h>

#include "common/async/loop.h"
#include "common/config/testing.h"
#include "common/dns/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

TableResolver resolver() {
  TableResolver dns;
  dns.mx_record("two.example", 20, "b.example").mx_record("two.example", 10, "a.example");
  dns.address("a.example", "192.0.2.1").address("a.example", "2001:db8::1");
  dns.address("a.example", "192.0.2.11").address("b.example", "192.0.2.2");
  dns.mx_record("null.example", 0, "");
  dns.address("plain.example", "192.0.2.3");
  dns.mx_record("me.example", 10, "mail.example.com");
  dns.mx_record("backup.example", 10, "a.example")
      .mx_record("backup.example", 20, "mail.example.com");
  dns.mx_record("backup.example", 30, "b.example");
  dns.mx_record("us.example", 10, "alias.example").address("alias.example", "192.0.2.7");
  dns.mx_record("gone.example", 10, "nowhere.example");
  dns.mx_record("slow.example", 10, "slowhost.example");
  dns.try_later("slowhost.example", DnsType::A).try_later("slowhost.example", DnsType::Aaaa);
  dns.try_later("broken.example", DnsType::Mx);
  dns.no_data("empty.example");
  dns.host("known.example", "192.0.2.9");
  return dns;
}

std::string find(const char* hop, std::vector<std::string> settings = {}) {
  settings.insert(settings.begin(), "inet_interfaces=192.0.2.7");
  Loop loop;
  auto dns = resolver();
  auto with = TargetSettings::from(*config_for_test(std::move(settings)));
  with.random = [](std::uint32_t) { return 0; };
  auto targets = loop.run_until(find_targets(dns, *NextHop::parse(hop), with));
  if (!targets) return targets.error().status()->text();
  std::string text;
  for (const auto& target : *targets) text += (text.empty() ? "" : " ") + target.text();
  return text;
}

}  // namespace

TEST_CASE("hosts are tried by preference, their addresses by turns of the families") {
  CHECK(find("two.example") ==
        "a.example[2001:db8::1]:25 a.example[192.0.2.1]:25 a.example[192.0.2.11]:25 "
        "b.example[192.0.2.2]:25");
  CHECK(find("two.example:26", {"inet_protocols=ipv4", "smtp_mx_address_limit=2"}) ==
        "a.example[192.0.2.1]:26 a.example[192.0.2.11]:26");
}

TEST_CASE("addresses of the preferred family are tried first") {
  CHECK(find("two.example", {"smtp_address_preference=ipv4"}) ==
        "a.example[192.0.2.1]:25 a.example[192.0.2.11]:25 a.example[2001:db8::1]:25 "
        "b.example[192.0.2.2]:25");
  CHECK(find("[a.example]", {"smtp_address_preference=ipv6"}) ==
        "a.example[2001:db8::1]:25 a.example[192.0.2.1]:25 a.example[192.0.2.11]:25");
}

TEST_CASE("without MX records the domain's addresses are used, in brackets always") {
  CHECK(find("plain.example") == "plain.example[192.0.2.3]:25");
  CHECK(find("[b.example]:587") == "b.example[192.0.2.2]:587");
  CHECK(find("[192.0.2.5]") == "192.0.2.5[192.0.2.5]:25");
  CHECK(find("[two.example]") == "5.4.4");
  CHECK(find("[known.example]", {"smtp_host_lookup=dns, native"}) == "known.example[192.0.2.9]:25");
  CHECK(find("known.example", {"smtp_dns_support_level=disabled"}) ==
        "known.example[192.0.2.9]:25");
}

TEST_CASE("mail never comes back to us: hosts that are not better than us are left out") {
  CHECK(find("me.example") == "5.4.6");
  CHECK(find("us.example") == "5.4.6");
  CHECK(find("backup.example", {"inet_protocols=ipv4", "smtp_mx_address_limit=1"}) ==
        "a.example[192.0.2.1]:25");
  CHECK(find("backup.example", {"inet_protocols=ipv6"}) == "a.example[2001:db8::1]:25");
  CHECK(find("us.example:2525") == "alias.example[192.0.2.7]:2525");
}

TEST_CASE("a next hop that is this host is a loop, however it is written") {
  CHECK(find("[192.0.2.7]") == "5.4.6");
  CHECK(find("192.0.2.7:25") == "5.4.6");
  CHECK(find("[alias.example]") == "5.4.6");
  CHECK(find("[mail.example.com]") == "5.4.6");
  CHECK(find("[Mail.Example.COM]:25") == "5.4.6");
  CHECK(find("[127.0.0.1]", {"inet_interfaces=all"}) == "5.4.6");
  CHECK(find("[localhost]", {"inet_interfaces=all"}) == "5.4.6");
  CHECK(find("[192.0.2.7]:2525", {"smtp_port=2525"}) == "5.4.6");
  CHECK(find("[192.0.2.7]:587", {"submission_port=587"}) == "5.4.6");
  // Another port of this host, and another host.
  CHECK(find("[192.0.2.7]:10025") == "192.0.2.7[192.0.2.7]:10025");
  CHECK(find("[192.0.2.8]") == "192.0.2.8[192.0.2.8]:25");
}

TEST_CASE("an address of proxy_interfaces is this host's, at its port and at SMTP's own") {
  std::vector<std::string> behind{"proxy_interfaces=192.0.2.9, 192.0.2.2", "smtp_port=2525"};
  CHECK(find("[192.0.2.9]", behind) == "5.4.6");
  CHECK(find("[192.0.2.9]:2525", behind) == "5.4.6");
  CHECK(find("[b.example]", behind) == "5.4.6");
  CHECK(find("two.example", {"proxy_interfaces=192.0.2.2", "inet_protocols=ipv4"}) ==
        "a.example[192.0.2.1]:25 a.example[192.0.2.11]:25");
  CHECK(find("[192.0.2.9]:26", behind) == "192.0.2.9[192.0.2.9]:26");
}

TEST_CASE("errors that last are distinguished from those that may pass") {
  CHECK(find("null.example") == "5.1.10");
  CHECK(find("unknown.example") == "5.1.2");
  CHECK(find("empty.example") == "5.4.4");
  CHECK(find("gone.example") == "5.4.4");
  CHECK(find("slow.example") == "4.4.3");
  CHECK(find("broken.example") == "4.4.3");
}

TEST_CASE(
    "what DNSSEC says of the way to a host comes with it, and the name at the end of its CNAMEs") {
  TableResolver dns;
  dns.mx_record("a.test", 10, "mx.a.test").alias_record("mx.a.test", "real.test");
  dns.address("real.test", "192.0.2.1");
  for (const char* name : {"a.test", "mx.a.test", "real.test"}) dns.secure(name);
  dns.mx_record("b.test", 10, "real.test");
  auto with = TargetSettings::from(*config_for_test({"inet_interfaces=192.0.2.7"}));
  Loop loop;
  auto first = [&](const char* hop) {
    auto targets = loop.run_until(find_targets(dns, *NextHop::parse(hop), with));
    REQUIRE(targets);
    return targets->front();
  };
  Target by_mx = first("a.test");
  CHECK(by_mx.is_from_mx);
  CHECK(by_mx.has_secure_mx);
  CHECK(by_mx.has_secure_address);
  CHECK(by_mx.canonical == "real.test");
  Target by_insecure_mx = first("b.test");
  CHECK_FALSE(by_insecure_mx.has_secure_mx);
  CHECK(by_insecure_mx.has_secure_address);
  CHECK(by_insecure_mx.canonical.empty());
  Target by_name = first("[mx.a.test]");
  CHECK_FALSE(by_name.is_from_mx);
  CHECK(by_name.has_secure_address);
  CHECK_FALSE(first("[192.0.2.1]").has_secure_address);
}
