#include "common/dns/settings.h"

#include <doctest/doctest.h>

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
