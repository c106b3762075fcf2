#include "common/net/address.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("an IPv4 address mapped into IPv6 is the IPv4 address") {
  CHECK(*IpAddress::parse("::ffff:192.0.2.7") == *IpAddress::parse("192.0.2.7"));
  CHECK(Network::parse("192.0.2.0/24")->contains(*IpAddress::parse("::ffff:192.0.2.7")));
}

TEST_CASE("a network holds its addresses and no others") {
  struct Row {
    const char* network;
    const char* address;
    bool inside;
  };
  for (const auto& row :
       {Row{"127.0.0.0/8", "127.9.9.9", true}, Row{"127.0.0.0/8", "128.0.0.1", false},
        Row{"0.0.0.0/0", "255.255.255.255", true}, Row{"192.0.2.128/25", "192.0.2.127", false},
        Row{"192.0.2.1", "192.0.2.1", true}, Row{"[::1]/128", "::1", true},
        Row{"[::1]/128", "::2", false}, Row{"2001:db8::/33", "2001:db8:8000::1", false},
        Row{"::/0", "192.0.2.1", false}}) {
    CAPTURE(row.network);
    CAPTURE(row.address);
    auto parsed = Network::parse(row.network);
    REQUIRE(parsed);
    CHECK(parsed->contains(*IpAddress::parse(row.address)) == row.inside);
  }
}

TEST_CASE("a network with bits beyond its prefix is refused with the right one") {
  auto network = Network::parse("192.168.1.7/24");
  REQUIRE_FALSE(network);
  CHECK(network.error().text().find("192.168.1.0/24") != std::string::npos);
  CHECK_FALSE(Network::parse("192.168.01.0/24"));
  CHECK_FALSE(Network::parse("10.0.0.0/33"));
}

TEST_CASE("reverse names are those of RFC 1035 and RFC 3596") {
  CHECK(IpAddress::parse("192.0.2.7")->reverse_name() == "7.2.0.192.in-addr.arpa");
  CHECK(IpAddress::parse("2001:db8::1")->reverse_name() ==
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST_CASE("an endpoint survives the way through a socket address") {
  for (const char* text : {"192.0.2.7", "2001:db8::1"}) {
    Endpoint endpoint(*IpAddress::parse(text), 2525);
    sockaddr_storage storage;
    endpoint.fill(storage);
    CHECK(Endpoint::from(storage) == endpoint);
  }
}

TEST_CASE("limits count IPv6 clients by their /64, IPv4 clients by their address") {
  CHECK(IpAddress::parse("192.0.2.7")->client_block().text() == "192.0.2.7");
  CHECK(IpAddress::parse("2001:db8:1:2:3:4:5:6")->client_block().text() == "2001:db8:1:2::");
  CHECK(IpAddress::parse("::ffff:192.0.2.7")->client_block().text() == "192.0.2.7");
}

TEST_CASE("an address with a NUL in it is none") {
  CHECK_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0x", 11)));
  CHECK_FALSE(IpAddress::parse(std::string_view("::1\0", 4)));
  CHECK_FALSE(IpAddress::parse(std::string_view("\0", 1)));
}
