#include "common/dns/settings.h"

#include <doctest/doctest.h>

#include "common/config/testing.h"

using namespace pennypost;

TEST_CASE("resolv.conf gives its name servers in order, whatever else stands in it") {
  auto servers = parse_resolv_conf(
      "# comment\nsearch example.org\nnameserver 192.0.2.53 ; first\n"
      "nameserver\t2001:db8::53\r\nnameserver fe80::1%eth0\n"
      "nameserver\n options edns0\n");
  REQUIRE(servers.size() == 2);
  CHECK(servers[0].text() == "192.0.2.53:53");
  CHECK(servers[1].text() == "[2001:db8::53]:53");
}

TEST_CASE(
    "what name servers say of DNSSEC is believed on this host, or where it is said to be safe") {
  const std::string resolv = "/etc/resolv.conf";
  auto trusts = [&](std::vector<std::string> settings, const std::string& text) {
    return DnsSettings::from(*config_for_test(std::move(settings)), {{resolv, text}}).trusts_ad;
  };
  CHECK(trusts({}, ""));
  CHECK(trusts({}, "nameserver 127.0.0.53\nnameserver ::1\n"));
  CHECK_FALSE(trusts({}, "nameserver 127.0.0.1\nnameserver 192.0.2.53\n"));
  CHECK(trusts({}, "nameserver 192.0.2.53\noptions edns0 trust-ad\n"));
  CHECK_FALSE(trusts({}, "nameserver 192.0.2.53\n# options trust-ad\n"));
  CHECK_FALSE(trusts({"dns_servers=192.0.2.53"}, "options trust-ad\n"));
  CHECK(trusts({"dns_servers=127.0.0.1:5353"}, "nameserver 192.0.2.53\n"));
  CHECK(trusts({"dns_trust_ad=yes"}, "nameserver 192.0.2.53\n"));
  CHECK_FALSE(trusts({"dns_trust_ad=no"}, "nameserver 127.0.0.1\noptions trust-ad\n"));
}

TEST_CASE("hosts gives names to addresses and back") {
  auto table = parse_hosts(
      "127.0.0.1 localhost\n192.0.2.1\tMail.Example.org mail # us\n2001:db8::1 mail\nnonsense x\n");
  CHECK(table.addresses.count("mail") == 2);
  CHECK(table.names.at(*IpAddress::parse("192.0.2.1")) == "mail.example.org");
}

TEST_CASE("a name server is an address with or without a port") {
  struct Case {
    const char* text;
    const char* endpoint;
  };
  for (const Case& row :
       {Case{"192.0.2.53", "192.0.2.53:53"}, Case{"192.0.2.53:5353", "192.0.2.53:5353"},
        Case{"[2001:db8::53]:5353", "[2001:db8::53]:5353"},
        Case{"2001:db8::53", "[2001:db8::53]:53"}}) {
    CAPTURE(row.text);
    auto server = parse_dns_server(row.text);
    REQUIRE(server);
    CHECK(server->text() == row.endpoint);
  }
  for (const char* bad : {"", "ns.example.org", "192.0.2.53:0", "192.0.2.53:x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_dns_server(bad));
  }
}
