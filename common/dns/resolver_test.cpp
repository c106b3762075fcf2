#include "common/dns/resolver.h"

#include <doctest/doctest.h>

#include "common/async/loop.h"
#include "common/dns/testing.h"

using namespace pennypost;

TEST_CASE("MX hosts come by ascending preference") {
  Loop loop;
  TableResolver dns;
  dns.mx_record("example.org", 20, "b").mx_record("example.org", 10, "a");
  auto answer = loop.run_until(dns.mx("example.org"));
  REQUIRE(answer.values.size() == 2);
  CHECK(answer.values[0].host == "a");
}

TEST_CASE("addresses of both families are one answer, and one of them is enough") {
  Loop loop;
  TableResolver dns;
  dns.address("both", "192.0.2.1").address("both", "2001:db8::1").address("four", "192.0.2.4");
  dns.try_later("four", DnsType::Aaaa).no_data("none").no_data("broken");
  dns.try_later("broken", DnsType::A);
  auto ask = [&](std::string name, AddressFamilies families = {}) {
    return loop.run_until(dns.addresses(std::move(name), families));
  };
  CHECK(ask("both").values.size() == 2);
  AddressFamilies only_v4;
  only_v4.v6 = false;
  CHECK(ask("both", only_v4).values.size() == 1);
  CHECK(ask("four").status == DnsStatus::Found);
  CHECK(ask("none").status == DnsStatus::NoData);
  CHECK(ask("broken").status == DnsStatus::TryLater);
  CHECK(ask("nowhere").status == DnsStatus::NoSuchName);
  dns.address("odd", "192.0.2.3").no_such_name("odd", DnsType::Aaaa);
  CHECK(ask("odd").values.size() == 1);
  dns.try_later("unclear", DnsType::A).no_such_name("unclear", DnsType::Aaaa);
  CHECK(ask("unclear").status == DnsStatus::TryLater);
  CHECK(ask("localhost").values.size() == 2);
}

TEST_CASE("a client's name must lead back to its address") {
  Loop loop;
  TableResolver dns;
  dns.ptr("192.0.2.1", "good.example").address("good.example", "192.0.2.1");
  dns.ptr("192.0.2.2", "liar.example").address("liar.example", "192.0.2.99");
  dns.ptr("192.0.2.3", "slow.example").try_later("slow.example", DnsType::A);
  dns.ptr("192.0.2.4", "192.0.2.4").try_later("5.2.0.192.in-addr.arpa", DnsType::Ptr);
  dns.host("known.example", "192.0.2.6");
  struct Case {
    const char* address;
    DnsStatus status;
    const char* name;
  };
  for (const Case& row : {Case{"192.0.2.1", DnsStatus::Found, "good.example"},
                          Case{"192.0.2.2", DnsStatus::NoData, "unknown"},
                          Case{"192.0.2.3", DnsStatus::TryLater, "unknown"},
                          Case{"192.0.2.4", DnsStatus::NoData, "unknown"},
                          Case{"192.0.2.5", DnsStatus::TryLater, "unknown"},
                          Case{"192.0.2.6", DnsStatus::Found, "known.example"},
                          Case{"192.0.2.7", DnsStatus::NoSuchName, "unknown"}}) {
    CAPTURE(row.address);
    auto found = loop.run_until(dns.verified_name(*IpAddress::parse(row.address)));
    CHECK(found.status == row.status);
    CHECK(found.name == row.name);
  }
}
