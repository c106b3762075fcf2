#include "common/mailauth/report_targets.h"

#include <doctest/doctest.h>

#include "common/dns/testing.h"

using namespace pennypost;

namespace {

/// `address` or `address!bytes`, with blanks between; or the error.
std::string targets(TableResolver& dns, const std::string& domain = "example.org") {
  Loop loop;
  auto found = loop.run_until(report_targets(loop, dns, domain, std::chrono::seconds(1)));
  if (!found) return found.error().text();
  std::string text;
  for (const auto& one : *found) {
    text += (text.empty() ? "" : " ") + one.address;
    if (one.bytes_max != 0) text += "!" + std::to_string(one.bytes_max);
  }
  return text;
}

}  // namespace

TEST_CASE("a report's address is a mailto URI, with a limit behind it") {
  auto text = [](std::string_view uri) {
    auto target = parse_report_uri(uri);
    return target ? target->address + " " + std::to_string(target->bytes_max) : "none";
  };
  CHECK(text("mailto:a@example.org") == "a@example.org 0");
  CHECK(text("MAILTO:a%21b@example.org!10m") == "a!b@example.org 10485760");
  CHECK(text("mailto:a@example.org!500") == "a@example.org 500");
  CHECK(text("mailto:a@example.org!2K") == "a@example.org 2048");
  CHECK(text("mailto:a@example.org?subject=x") == "a@example.org 0");
  for (const char* wrong : {"https://example.org/", "mailto:", "mailto:a", "mailto:a@[192.0.2.1]",
                            "mailto:a@b!", "mailto:a@b.example!x", "mailto:a@b.example!1x",
                            "mailto:%zz@b.example", "mailto:a@b.example!99999999999999999999",
                            "mailto:a@b.example!9999999999t", "mailto:a%0ab@b.example"}) {
    CAPTURE(wrong);
    CHECK(text(wrong) == "none");
  }
}

TEST_CASE("addresses of the same organization get reports without asking it") {
  TableResolver dns;
  dns.txt_record("_dmarc.example.org",
                 "v=DMARC1; p=none; rua=mailto:a@example.org, mailto:b@mail.example.org!1m");
  CHECK(targets(dns) == "a@example.org b@mail.example.org!1048576");
}

TEST_CASE("addresses of others get reports only if a record there says so") {
  TableResolver dns;
  dns.txt_record("_dmarc.example.org",
                 "v=DMARC1; p=none; rua=mailto:a@reports.test, mailto:b@victim.test, "
                 "mailto:c@moved.test!1m, mailto:d@thief.test");
  dns.txt_record("example.org._report._dmarc.reports.test", "v=DMARC1");
  dns.txt_record("example.org._report._dmarc.victim.test", "v=spf1 -all");
  dns.txt_record("example.org._report._dmarc.moved.test", "v=DMARC1; rua=mailto:e@moved.test!2m");
  dns.txt_record("example.org._report._dmarc.thief.test", "v=DMARC1; rua=mailto:f@victim.test");
  CHECK(targets(dns) == "a@reports.test e@moved.test!2097152 d@thief.test");
}

TEST_CASE("a domain without a record, with two, or without addresses wants no reports") {
  TableResolver dns;
  CHECK(targets(dns) == "");
  dns.txt_record("_dmarc.example.org", "v=DMARC1; p=none");
  CHECK(targets(dns) == "");
  TableResolver two;
  two.txt_record("_dmarc.example.org", "v=DMARC1; p=none; rua=mailto:a@example.org");
  CHECK(targets(two) == "a@example.org");
  two.txt_record("_dmarc.example.org", "v=DMARC1; p=none; rua=mailto:b@example.org");
  CHECK(targets(two) == "");
}

TEST_CASE("where DNS does not answer, nothing is decided") {
  TableResolver dns;
  dns.txt_record("_dmarc.example.org", "v=DMARC1; p=none; rua=mailto:a@reports.test");
  dns.try_later("example.org._report._dmarc.reports.test", DnsType::Txt);
  CHECK(targets(dns).find("no answer from DNS about example.org._report._dmarc.reports.test") == 0);
  dns.try_later("_dmarc.example.org", DnsType::Txt);
  CHECK(targets(dns).find("no answer from DNS about _dmarc.example.org") == 0);
}
