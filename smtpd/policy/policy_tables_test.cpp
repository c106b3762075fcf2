#include "smtpd/policy/policy_tables.h"

#include <doctest/doctest.h>

#include <fstream>

#include "common/async/loop.h"
#include "common/base/scratch.h"
#include "common/dns/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

/// Where no address is to be verified.
static const AskToVerify no_verification =
    [](const std::string&) -> Task<Result<VerifyAddress::Verified>> {
  co_return Error::temporary("no address is verified here");
};

TEST_CASE("a table of patterns is asked for whole keys alone, also behind other tables") {
  Scratch scratch;
  std::ofstream(scratch / "p") << "/example/ found\n";
  std::string patterns = "regexp:" + scratch / "p";
  AccessTables tables({});
  using Key = store::MapList::Key;
  for (const std::string& name :
       {patterns, "unionmap:{" + patterns + "}", "pipemap:{" + patterns + "}"}) {
    CAPTURE(name);
    auto table = TableRef::parse(name);
    REQUIRE(table);
    auto whole = tables.find(*table, "ann@example.org", Key::Whole);
    REQUIRE(whole);
    CHECK(*whole == "found");
    auto part = tables.find(*table, "example.org", Key::Partial);
    REQUIRE(part);
    CHECK_FALSE(*part);
  }
}

TEST_CASE("a domain takes mail by an MX or an address; where DNS can't tell, that is no answer") {
  TableResolver resolver;
  resolver.mx_record("mx.example", 10, "a.example").mx_record("null.example", 0, "");
  resolver.address("host.example", "192.0.2.1").address("six.example", "2001:db8::1");
  resolver.no_data("empty.example");
  resolver.try_later("later.example", DnsType::Mx).address("later.example", "192.0.2.1");
  resolver.no_data("half.example").try_later("half.example", DnsType::A);
  Loop loop;
  OutsideAnswers dns;
  PolicyClient nobody(loop, nullptr);
  CHECK_FALSE(dns.has_open());
  for (const char* domain : {"mx.example", "null.example", "host.example", "six.example",
                             "empty.example", "none.example", "later.example", "half.example"}) {
    dns.mail_host.open.insert(domain);
  }
  CHECK(dns.has_open());
  loop.run_until(dns.ask(loop, resolver, nobody, no_verification));
  CHECK_FALSE(dns.has_open());
  auto answer = [&](const char* domain) -> std::string {
    const auto& found = dns.mail_host.known.at(domain);
    if (!found) return found.error().text_with_status();
    if (*found == MailHost::NullMx) return "null MX";
    return *found == MailHost::Found ? "yes" : "no";
  };
  CHECK(answer("mx.example") == "yes");
  CHECK(answer("host.example") == "yes");
  CHECK(answer("six.example") == "yes");
  CHECK(answer("null.example") == "null MX");
  CHECK(answer("empty.example") == "no");
  CHECK(answer("none.example") == "no");
  for (const char* domain : {"later.example", "half.example"}) {
    CHECK(answer(domain) == "4.4.3 Host not found, try again");
    CHECK(dns.mail_host.known.at(domain).error().is_temporary());
  }
}

TEST_CASE("the IPv4 addresses of a name are all it has, none where it has none, or an error") {
  TableResolver resolver;
  resolver.address("two.example", "192.0.2.1").address("two.example", "192.0.2.2");
  resolver.address("two.example", "2001:db8::1").address("six.example", "2001:db8::1");
  resolver.try_later("later.example", DnsType::A);
  Loop loop;
  OutsideAnswers dns;
  PolicyClient nobody(loop, nullptr);
  for (const char* name : {"two.example", "six.example", "none.example", "later.example"}) {
    dns.ip4_addresses.open.insert(name);
  }
  loop.run_until(dns.ask(loop, resolver, nobody, no_verification));
  CHECK_FALSE(dns.has_open());
  auto addresses = [&](const char* name) { return dns.ip4_addresses.known.at(name); };
  CHECK(*addresses("two.example") == std::vector<std::string>{"192.0.2.1", "192.0.2.2"});
  CHECK(addresses("six.example")->empty());
  CHECK(addresses("none.example")->empty());
  REQUIRE_FALSE(addresses("later.example"));
  CHECK(addresses("later.example").error().is_temporary());
}

TEST_CASE("the hosts of a domain are its mail hosts, the name servers of its zone, or itself") {
  TableResolver resolver;
  resolver.mx_record("a.example", 20, "mx2.a.example").mx_record("a.example", 10, "mx1.a.example");
  resolver.address("mx1.a.example", "192.0.2.1").address("mx1.a.example", "2001:db8::1");
  resolver.try_later("mx2.a.example", DnsType::A).no_data("mx2.a.example");
  resolver.mx_record("null.example", 0, "").address("bare.example", "192.0.2.2");
  resolver.ns_record("zone.example", "ns.zone.example").address("ns.zone.example", "192.0.2.3");
  resolver.try_later("late.example", DnsType::Mx).try_later("late.example", DnsType::Ns);
  Loop loop;
  OutsideAnswers dns;
  PolicyClient nobody(loop, nullptr);
  auto ask = [&](ServerKind kind, const std::string& domain) -> std::string {
    CHECK(!dns.servers[kind].find(domain));
    loop.run_until(dns.ask(loop, resolver, nobody, no_verification));
    auto servers = dns.servers[kind].find(domain);
    if (!servers) return servers.error().text();
    std::string text = servers->is_implied ? "implied" : "";
    for (const auto& host : servers->hosts) {
      text += " " + host.name + (host.is_unknown ? "?" : "");
      for (const auto& address : host.addresses) text += "," + address;
    }
    return text;
  };
  CHECK(ask(ServerKind::Mx, "a.example") == " mx1.a.example,2001:db8::1,192.0.2.1 mx2.a.example?");
  CHECK(ask(ServerKind::Mx, "null.example") == "");
  CHECK(ask(ServerKind::Mx, "bare.example") == "implied bare.example,192.0.2.2");
  CHECK(ask(ServerKind::Mx, "late.example") == "Host not found, try again");
  CHECK(ask(ServerKind::Ns, "deep.in.zone.example") == " ns.zone.example,192.0.2.3");
  CHECK(ask(ServerKind::Ns, "none.example") == "");
  CHECK(ask(ServerKind::Ns, "late.example") == "Host not found, try again");
  CHECK(ask(ServerKind::Address, "bare.example") == " bare.example,192.0.2.2");
}

TEST_CASE("the reason that a list gives is the first of its TXT records") {
  TableResolver resolver;
  resolver.txt_record("9.2.0.192.bl.example", "caught").txt_record("9.2.0.192.bl.example", "again");
  resolver.try_later("late.example", DnsType::Txt);
  Loop loop;
  OutsideAnswers dns;
  PolicyClient nobody(loop, nullptr);
  for (const char* name : {"9.2.0.192.bl.example", "none.example", "late.example"}) {
    CHECK(!dns.text_record.find(name));
  }
  loop.run_until(dns.ask(loop, resolver, nobody, no_verification));
  CHECK(*dns.text_record.find("9.2.0.192.bl.example") == "caught");
  CHECK(dns.text_record.find("none.example")->empty());
  CHECK(!dns.text_record.find("late.example"));
}
