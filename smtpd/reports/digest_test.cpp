#include "smtpd/reports/digest.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

DmarcReportRow row(const std::string& address, std::uint64_t count, bool dkim, bool spf) {
  DmarcReportRow made;
  made.source_ip = address;
  made.count = count;
  made.dkim_aligned = dkim;
  made.spf_aligned = spf;
  made.header_from = "example.org";
  return made;
}

DmarcReport report(const std::string& organization, std::vector<DmarcReportRow> rows) {
  DmarcReport made;
  made.organization = organization;
  made.begin = 1'795'824'000;
  made.end = 1'795'910'399;
  made.policy.domain = "example.org";
  made.policy.policy = "quarantine";
  made.rows = std::move(rows);
  return made;
}

const std::string tls_report =
    R"({"organization-name": "google.com", "date-range": {"start-datetime": "2026-11-29T00:00:00Z",
  "end-datetime": "2026-11-29T23:59:59Z"}, "policies": [{"policy": {"policy-type": "sts",
  "policy-domain": "example.org"}, "summary": {"total-successful-session-count": 10,
  "total-failure-session-count": 2}, "failure-details": [{"result-type": "certificate-expired",
  "receiving-mx-hostname": "mx.example.org", "failed-session-count": 2}]}]})";

ReceivedReports some_reports() {
  auto forged = row("203.0.113.5", 3, false, false);
  forged.disposition = "quarantine";
  auto service = row("198.51.100.7", 5, false, false);
  service.dkim = {{"service.test", "s", "pass"}};
  ReceivedReports reports;
  CHECK(reports.take_file(
      dmarc_report_xml(report("google.com", {row("192.0.2.1", 90, true, true), forged, service}))));
  CHECK(
      reports.take_file(dmarc_report_xml(report("yahoo.com", {row("192.0.2.1", 10, true, true)}))));
  CHECK(reports.take_file(tls_report));
  return reports;
}

}  // namespace

TEST_CASE("a row's outcome is told in words, with what it may come from") {
  auto passes = row("192.0.2.1", 1, true, false);
  CHECK(meaning_of(passes, "example.org").starts_with("DKIM passes, SPF does not: passed on"));
  passes.spf = {{"bounce.test", "mfrom", "pass"}};
  CHECK(meaning_of(passes, "example.org").starts_with("DKIM passes; SPF does so for bounce.test"));
  auto by_spf = row("192.0.2.1", 1, false, true);
  CHECK(meaning_of(by_spf, "example.org").starts_with("SPF passes; it is not signed"));
  by_spf.dkim = {{"mail.example.org", "s", "fail"}};
  CHECK(meaning_of(by_spf, "example.org").starts_with("SPF passes, the DKIM signature does not"));

  auto fails = row("192.0.2.1", 1, false, false);
  CHECK(meaning_of(fails, "example.org").starts_with("neither signed nor allowed by SPF: forged"));
  fails.spf = {{"other.test", "mfrom", "pass"}};
  CHECK(meaning_of(fails, "example.org").starts_with("not signed; SPF passes for other.test"));
  fails.dkim = {{"notexample.org", "s", "pass"}};
  CHECK(meaning_of(fails, "example.org")
            .starts_with("signed by notexample.org, not by example.org: a service"));
  fails.dkim.push_back({"example.org", "s", "fail"});
  CHECK(meaning_of(fails, "example.org").starts_with("the signature of example.org is not valid"));
}

TEST_CASE("a domain's reports are added up, and what fails comes first") {
  auto made = digests(some_reports(), "", 0);
  REQUIRE(made.size() == 1);
  CHECK(made[0].text() ==
        "example.org, 2026-11-28 to 2026-11-29: 3 reports of google.com, yahoo.com\n"
        "  108 messages in its name: 100 pass DMARC, 8 fail; its policy is p=quarantine\n"
        "\n"
        "  Fails:\n"
        "    198.51.100.7                                    5  signed by service.test, not by "
        "example.org: a service or list that sends in its name, and is not set up to sign for it\n"
        "    203.0.113.5                                     3  neither signed nor allowed by SPF: "
        "forged, or a host of yours that the SPF record lacks; 3 quarantined\n"
        "\n"
        "  Passes:\n"
        "    192.0.2.1                                     100  SPF and DKIM pass\n"
        "\n"
        "  TLS: 12 sessions, of which 2 failed\n"
        "    certificate-expired                             2  the certificate has expired "
        "(mx.example.org)\n");
}

TEST_CASE("a digest is one JSON object in one line") {
  auto json = digests(some_reports(), "", 0).at(0).json();
  CHECK(json.find('\n') == std::string::npos);
  CHECK(
      json.starts_with("{\"domain\":\"example.org\",\"begin\":1795824000,\"end\":1795996799,"
                       "\"reports\":3,\"reporters\":[\"google.com\",\"yahoo.com\"],"
                       "\"policy\":\"quarantine\",\"messages\":108,\"passed\":100,"
                       "\"sources\":[{\"address\":\"198.51.100.7\",\"passes\":false,"));
  CHECK(json.find("\"quarantine\":3}") != std::string::npos);
  CHECK(
      json.ends_with("\"tls_sessions\":12,\"tls_failures\":2,\"tls\":[{\"kind\":"
                     "\"certificate-expired\",\"host\":\"mx.example.org\",\"meaning\":"
                     "\"the certificate has expired\",\"sessions\":2}]}"));
}

TEST_CASE("reports of other domains, and older ones, are left out") {
  auto reports = some_reports();
  CHECK(digests(reports, "Example.ORG", 0).size() == 1);
  CHECK(digests(reports, "example.net", 0).empty());
  auto later = digests(reports, "", 1'795'910'400);
  REQUIRE(later.size() == 1);
  CHECK(later[0].messages == 0);
  CHECK(later[0].tls_sessions == 12);
}
