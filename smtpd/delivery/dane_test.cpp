#include "smtpd/delivery/dane.h"

#include <doctest/doctest.h>

#include "common/async/loop.h"
#include "common/dns/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::string digest(32, 'd');
const TlsaRecord good{3, 1, 1, digest};
constexpr const char* at_host = "_25._tcp.mx.example";

Target mx_host() {
  Target target("mx.example", Endpoint(*IpAddress::parse("192.0.2.1"), 25));
  target.is_from_mx = true;
  target.has_secure_mx = true;
  target.has_secure_address = true;
  return target;
}

/// `Usable BASE`, `None: why`, or the Error.
std::string find(TableResolver& dns, const Target& target, DaneRules rules = {}) {
  Loop loop;
  auto found = loop.run_until(find_dane_records(dns, target, rules));
  if (!found) return found.error().status()->text() + " " + found.error().text();
  using Kind = DaneRecords::Kind;
  switch (found->kind) {
    case Kind::Usable:
      return "Usable " + found->base + " " + std::to_string(found->records.size());
    case Kind::None:
      return "None: " + found->why;
    case Kind::Unusable:
      return "Unusable: " + found->why;
    case Kind::Unverifiable:
      break;
  }
  return "Unverifiable: " + found->why;
}

}  // namespace

TEST_CASE("secure TLSA records of a secure host count, those that we can use") {
  TableResolver dns;
  dns.tlsa_record(at_host, good).tlsa_record(at_host, {1, 1, 1, digest}).secure(at_host);
  CHECK(find(dns, mx_host()) == "Usable mx.example 1");
}

TEST_CASE("records of usage 0 and 1 alone are unusable, and insecure ones are none") {
  TableResolver dns;
  dns.tlsa_record(at_host, {0, 0, 1, digest}).tlsa_record(at_host, {1, 0, 1, digest});
  CHECK(find(dns, mx_host()) == "None: no TLSA records found");
  dns.secure(at_host);
  CHECK(find(dns, mx_host()) == "Unusable: TLSA records unusable");
  TableResolver empty;
  CHECK(find(empty, mx_host()) == "None: no TLSA records found");
}

TEST_CASE("a failed look-up of TLSA records defers, since there may be some") {
  TableResolver dns;
  dns.try_later(at_host, DnsType::Tlsa);
  CHECK(find(dns, mx_host()) ==
        "4.7.5 TLSA lookup error for mx.example:25: Host not found, try again");
}

TEST_CASE("TLSA records are looked up at the port of the server") {
  TableResolver dns;
  dns.tlsa_record("_587._tcp.mx.example", good).secure("_587._tcp.mx.example");
  Target target = mx_host();
  target.endpoint = Endpoint(*IpAddress::parse("192.0.2.1"), 587);
  CHECK(find(dns, target) == "Usable mx.example 1");
}

TEST_CASE("a host whose addresses are not secure is not asked about, unless that is forced") {
  TableResolver dns;
  dns.try_later(at_host, DnsType::Tlsa);
  Target target = mx_host();
  target.has_secure_address = false;
  CHECK(find(dns, target) == "None: non DNSSEC destination");
  DaneRules forced;
  forced.looks_at_insecure_hosts = true;
  CHECK(find(dns, target, forced).starts_with("4.7.5 TLSA lookup error"));
}

TEST_CASE("what records are worth behind an insecure MX record is a setting") {
  TableResolver dns;
  dns.tlsa_record(at_host, good).secure(at_host);
  Target target = mx_host();
  target.has_secure_mx = false;
  DaneRules rules;
  CHECK(find(dns, target, rules) == "None: non DNSSEC destination");
  rules.insecure_mx = DaneRules::InsecureMx::Encrypt;
  CHECK(find(dns, target, rules) == "Unverifiable: non DNSSEC destination");
  rules.insecure_mx = DaneRules::InsecureMx::Dane;
  CHECK(find(dns, target, rules) == "Usable mx.example 1");
  target.is_from_mx = false;  // a next hop in brackets
  CHECK(find(dns, target) == "Usable mx.example 1");
}

TEST_CASE(
    "where a CNAME leads from the host, the records at its end come before those of the host") {
  TableResolver dns;
  Target target = mx_host();
  target.canonical = "real.example";
  dns.tlsa_record(at_host, good).secure(at_host);
  CHECK(find(dns, target) == "Usable mx.example 1");
  dns.tlsa_record("_25._tcp.real.example", good).secure("_25._tcp.real.example");
  CHECK(find(dns, target) == "Usable real.example 1");
}

TEST_CASE("a secure CNAME to an insecure host leaves the records of the first name") {
  TableResolver dns;
  dns.alias_record("mx.example", "real.example").secure("mx.example");
  dns.tlsa_record(at_host, good).secure(at_host);
  dns.tlsa_record("_25._tcp.real.example", good).secure("_25._tcp.real.example");
  Target target = mx_host();
  target.has_secure_address = false;
  target.canonical = "real.example";
  CHECK(find(dns, target) == "Usable mx.example 1");
  TableResolver insecure;
  insecure.alias_record("mx.example", "real.example");
  insecure.tlsa_record(at_host, good).secure(at_host);
  CHECK(find(insecure, target) == "None: non DNSSEC destination");
  TableResolver failing;
  failing.try_later("mx.example", DnsType::Cname);
  CHECK(find(failing, target).starts_with("4.7.5 TLSA lookup error"));
}
