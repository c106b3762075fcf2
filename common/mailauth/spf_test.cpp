#include "common/mailauth/spf.h"

#include <doctest/doctest.h>

#include "common/dns/testing.h"

using namespace pennypost;

namespace {

struct World {
  TableResolver dns;
  Loop loop;

  World& record(const std::string& domain, std::string text) {
    dns.txt_record(domain, std::move(text));
    return *this;
  }
  SpfResult check(std::string_view client = "192.0.2.1", std::string sender = "ann@example.com",
                  std::string helo = "mx.example.org") {
    SpfRequest request{*IpAddress::parse(client), std::move(helo), std::move(sender)};
    request.receiver = "mail.example.net";
    return loop.run_until(check_spf(loop, dns, request, std::chrono::seconds(5)));
  }
  SpfStatus status(std::string_view client = "192.0.2.1") { return check(client).status; }
};

/// A record of example.com alone.
SpfStatus status_of(std::string record, std::string_view client = "192.0.2.1") {
  World world;
  return world.record("example.com", std::move(record)).status(client);
}

}  // namespace

TEST_CASE("the first mechanism that matches decides, and nothing is neutral") {
  CHECK(status_of("v=spf1 ip4:192.0.2.0/24 -all") == SpfStatus::Pass);
  CHECK(status_of("v=spf1 ip4:192.0.2.0/24 -all", "198.51.100.1") == SpfStatus::Fail);
  CHECK(status_of("v=spf1 ~all") == SpfStatus::SoftFail);
  CHECK(status_of("v=spf1 ?all") == SpfStatus::Neutral);
  CHECK(status_of("v=spf1") == SpfStatus::Neutral);
  CHECK(status_of("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::5") == SpfStatus::Pass);
  CHECK(status_of("v=spf1 ip6:::ffff:192.0.2.1 -all") == SpfStatus::Fail);
  CHECK(status_of("v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1") == SpfStatus::Pass);
  World world;
  auto result = world.record("example.com", "v=spf1 ip4:192.0.2.9 ~ip4:192.0.2.1 -all").check();
  CHECK(result.mechanism == "~ip4:192.0.2.1");
  CHECK(result.domain == "example.com");
}

TEST_CASE("a domain without a record, or that can have none, has no result") {
  World world;
  CHECK(world.status() == SpfStatus::None);
  world.record("example.com", "some words");
  CHECK(world.status() == SpfStatus::None);
  for (const char* sender :
       {"a@[192.0.2.1]", "a@localhost", "a@-x.example", "a@x..example", "a@192.0.2.1", "a@"}) {
    CAPTURE(sender);
    World other;
    other.record(std::string(sender).substr(2), "v=spf1 +all");
    CHECK(other.check("192.0.2.1", sender).status == SpfStatus::None);
  }
}

TEST_CASE("two records are an error, and other TXT records are none") {
  World world;
  world.record("example.com", "caf\xe9").record("example.com", "v=spf1 -all");
  CHECK(world.status() == SpfStatus::Fail);
  world.record("example.com", "v=spf1 +all");
  CHECK(world.status() == SpfStatus::PermError);
}

TEST_CASE("the null sender is postmaster of the name in HELO") {
  World world;
  world.record("mx.example.org", "v=spf1 exists:%{l}.%{o}.x.example -all");
  CHECK(world.check("192.0.2.1", "").status == SpfStatus::Fail);
  world.dns.address("postmaster.mx.example.org.x.example", "127.0.0.2");
  auto result = world.check("192.0.2.1", "");
  CHECK(result.status == SpfStatus::Pass);
  CHECK(result.domain == "mx.example.org");
  CHECK(world.check("192.0.2.1", "@mx.example.org").status == SpfStatus::Pass);
}

TEST_CASE("addresses of a and mx match with their prefixes, each family by itself") {
  World world;
  world.record("example.com", "v=spf1 a/24//64 mx:other.example -all");
  world.dns.address("example.com", "192.0.2.77").address("example.com", "2001:db8::1");
  world.dns.mx_record("other.example", 5, "m1.example").mx_record("other.example", 9, "m2.example");
  world.dns.address("m1.example", "198.51.100.1").address("m2.example", "198.51.100.2");
  CHECK(world.status("192.0.2.1") == SpfStatus::Pass);
  CHECK(world.status("2001:db8::ffff") == SpfStatus::Pass);
  CHECK(world.status("2001:db8:0:1::1") == SpfStatus::Fail);
  CHECK(world.status("198.51.100.2") == SpfStatus::Pass);
  CHECK(world.status("198.51.100.3") == SpfStatus::Fail);
}

TEST_CASE("include matches if the other domain passes, and its own failure does not count") {
  World world;
  world.record("example.com", "v=spf1 include:other.example ~all exp=e.example");
  world.record("other.example", "v=spf1 ip4:192.0.2.1 -all exp=x.example");
  CHECK(world.status("192.0.2.1") == SpfStatus::Pass);
  CHECK(world.status("192.0.2.2") == SpfStatus::SoftFail);
  CHECK(status_of("v=spf1 include:nowhere.example +all") == SpfStatus::PermError);
  World broken;
  broken.record("example.com", "v=spf1 include:other.example +all");
  broken.record("other.example", "v=spf1 nonsense");
  CHECK(broken.status() == SpfStatus::PermError);
  CHECK(broken.check().reason == "malformed SPF term: nonsense");
}

TEST_CASE("redirect is followed if nothing matched, with the explanation of where it leads") {
  World world;
  world.record("example.com", "v=spf1 ip4:192.0.2.1 redirect=%{d}.example exp=old.example");
  world.record("example.com.example", "v=spf1 -all exp=new.example");
  world.record("new.example", "%{c} is not %{d}");
  world.record("old.example", "wrong");
  CHECK(world.status("192.0.2.1") == SpfStatus::Pass);
  auto result = world.check("192.0.2.2");
  CHECK(result.status == SpfStatus::Fail);
  CHECK(result.domain == "example.com");
  CHECK(result.record_domain == "example.com.example");
  CHECK(result.explanation == "192.0.2.2 is not example.com.example");
  CHECK(status_of("v=spf1 redirect=nowhere.example") == SpfStatus::PermError);
  CHECK(status_of("v=spf1 redirect=example.com") == SpfStatus::PermError);
}

TEST_CASE("an explanation that is no use is left out") {
  World world;
  world.record("example.com", "v=spf1 -all exp=e.example");
  CHECK(world.check().explanation == "");
  world.record("e.example", "bad %{");
  CHECK(world.check().explanation == "");
  World two;
  two.record("example.com", "v=spf1 -all exp=e.example").record("e.example", "a");
  CHECK(two.check().explanation == "a");
  two.record("e.example", "b");
  CHECK(two.check().explanation == "");
  World raw;
  raw.record("example.com", "v=spf1 -all exp=e.example").record("e.example", "caf\xe9");
  CHECK(raw.check().explanation == "");
}

TEST_CASE("ptr and p take names of the client that lead back to it") {
  World world;
  world.record("example.com", "v=spf1 ptr -all");
  world.dns.ptr("192.0.2.1", "mx.example.com").address("mx.example.com", "192.0.2.1");
  world.dns.ptr("192.0.2.2", "mx.example.com");
  world.dns.ptr("192.0.2.3", "mxexample.com").address("mxexample.com", "192.0.2.3");
  CHECK(world.status("192.0.2.1") == SpfStatus::Pass);
  CHECK(world.status("192.0.2.2") == SpfStatus::Fail);
  CHECK(world.status("192.0.2.3") == SpfStatus::Fail);
  World macro;
  macro.record("example.com", "v=spf1 exists:%{p}.x.example -all");
  macro.dns.ptr("192.0.2.1", "else.example").address("else.example", "192.0.2.1");
  macro.dns.ptr("192.0.2.1", "mx.example.com").address("mx.example.com", "192.0.2.1");
  macro.dns.address("mx.example.com.x.example", "127.0.0.2");
  CHECK(macro.status("192.0.2.1") == SpfStatus::Pass);
  macro.dns.address("unknown.x.example", "127.0.0.2");
  CHECK(macro.status("192.0.2.9") == SpfStatus::Pass);
}

TEST_CASE("ten terms may ask DNS, and no more") {
  World world;
  std::string record = "v=spf1";
  for (int i = 0; i < 10; ++i) record += " a:a.example";
  world.dns.address("a.example", "198.51.100.1");
  world.record("example.com", record + " -all");
  CHECK(world.status() == SpfStatus::Fail);
  CHECK(status_of(record + " a:a.example -all") == SpfStatus::PermError);
  World loop;
  loop.record("example.com", "v=spf1 include:example.com -all");
  CHECK(loop.check().status == SpfStatus::PermError);
  CHECK(loop.check().reason == "more than 10 terms that ask DNS");
}

TEST_CASE("two questions may go without an answer, and no more") {
  World world;
  world.dns.no_data("b.example");
  world.record("example.com", "v=spf1 a:a.example mx:b.example -all");
  CHECK(world.status() == SpfStatus::Fail);
  world.record("three.example", "v=spf1 a:a.example mx:b.example exists:c.example -all");
  auto result = world.check("192.0.2.1", "a@three.example");
  CHECK(result.status == SpfStatus::PermError);
  CHECK(result.reason == "more than 2 questions without an answer in DNS");
}

TEST_CASE("an mx has at most ten hosts, and ten names of a client are looked at") {
  World world;
  world.record("example.com", "v=spf1 mx ptr -all");
  for (int i = 0; i < 10; ++i) {
    auto name = "m" + std::to_string(i) + ".example";
    world.dns.mx_record("example.com", 1, name).address(name, "198.51.100.1");
    world.dns.ptr("192.0.2.1", name);
  }
  world.dns.ptr("192.0.2.1", "x.example.com").address("x.example.com", "192.0.2.1");
  CHECK(world.status() == SpfStatus::Fail);
  world.dns.mx_record("example.com", 1, "m10.example");
  CHECK(world.check().reason == "more than 10 MX records");
}

TEST_CASE("a failure of DNS is a temporary error, wherever it occurs") {
  World world;
  world.dns.try_later("example.com", DnsType::Txt);
  CHECK(world.status() == SpfStatus::TempError);
  for (const char* term :
       {"a:x.example", "mx:x.example", "exists:x.example", "include:x.example"}) {
    CAPTURE(term);
    World one;
    one.record("example.com", "v=spf1 " + std::string(term) + " -all");
    for (auto type : {DnsType::A, DnsType::Mx, DnsType::Txt}) one.dns.try_later("x.example", type);
    CHECK(one.status() == SpfStatus::TempError);
  }
  World pointer;
  pointer.record("example.com", "v=spf1 ptr -all");
  pointer.dns.try_later("1.2.0.192.in-addr.arpa", DnsType::Ptr);
  CHECK(pointer.status() == SpfStatus::Fail);
}

TEST_CASE("a name that macros make too long or empty matches nothing") {
  // They are not asked about, so they are no questions without an answer either.
  CHECK(status_of("v=spf1 a:..example.com a:x..example.com exists:%{l}..x.example -all") ==
        SpfStatus::Fail);
  World world;
  world.record("example.com", "v=spf1 exists:%{l}.x.example -all");
  CHECK(world.check("192.0.2.1", std::string(64, 'x') + "@example.com").status == SpfStatus::Fail);
}
