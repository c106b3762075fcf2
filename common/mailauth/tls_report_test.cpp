#include "common/mailauth/tls_report.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

/// As in RFC 8460 appendix B, in our words.
const std::string report = R"({
  "organization-name": "Sender Inc.", "contact-info": "tls@sender.example",
  "date-range": {"start-datetime": "2026-11-28T00:00:00Z", "end-datetime": "2026-11-28T23:59:59Z"},
  "report-id": "5065427c", "unknown": [1, {"x": null}],
  "policies": [
    {"policy": {"policy-type": "sts", "policy-domain": "Example.ORG",
                "policy-string": ["version: STSv1"], "mx-host": ["*.mail.example.org"]},
     "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
     "failure-details": [
       {"result-type": "certificate-expired", "sending-mta-ip": "2001:db8::1",
        "receiving-mx-hostname": "mx1.mail.example.org", "failed-session-count": 100},
       {"result-type": "starttls-not-supported", "receiving-ip": "192.0.2.1",
        "failed-session-count": 203, "additional-information": "https://sender.example/x"}]},
    {"policy": {"policy-type": "no-policy-found", "policy-domain": "example.net"},
     "summary": {"total-successful-session-count": -1, "total-failure-session-count": "3"}}]})";

std::string problem_of(std::string_view json) {
  auto parsed = parse_tls_report(json);
  return parsed ? "" : parsed.error().text();
}

}  // namespace

TEST_CASE("a TLS report says who reports, when, and what failed under which policy") {
  auto read = parse_tls_report(report);
  REQUIRE(read);
  CHECK(read->organization == "Sender Inc.");
  CHECK(read->contact == "tls@sender.example");
  CHECK(read->report_id == "5065427c");
  CHECK(read->begin == 1'795'824'000);
  CHECK(read->end == 1'795'910'399);
  REQUIRE(read->policies.size() == 2);
  const auto& first = read->policies[0];
  CHECK(first.type == "sts");
  CHECK(first.domain == "example.org");
  CHECK(first.successes == 5326);
  CHECK(first.failures == 303);
  REQUIRE(first.details.size() == 2);
  CHECK(first.details[0].kind == "certificate-expired");
  CHECK(first.details[0].sending_ip == "2001:db8::1");
  CHECK(first.details[0].receiving_mx == "mx1.mail.example.org");
  CHECK(first.details[1].count == 203);
  CHECK(first.details[1].receiving_ip == "192.0.2.1");
  CHECK(first.details[1].reason == "https://sender.example/x");
  CHECK(read->policies[1].successes == 0);
  CHECK(read->policies[1].failures == 0);
}

TEST_CASE("what is no TLS report is refused, and says why") {
  CHECK(problem_of("") == "it is not JSON");
  CHECK(problem_of("{\"policies\": [}") == "it is not JSON");
  CHECK(problem_of("[1, 2]") == "it is no TLS report: it has no policies");
  CHECK(problem_of("{\"policies\": {}}") == "it is no TLS report: it has no policies");
  CHECK(problem_of("{\"policies\": [7]}") == "a policy has no policy-domain");
  CHECK(problem_of("{\"policies\": []}") == "");
}

TEST_CASE("the size, the depth and the lists of a TLS report are limited") {
  CHECK(problem_of(std::string(tls_report_bytes_max + 1, ' ')) ==
        "the report has more than 4194304 bytes");
  CHECK(problem_of(std::string(100'000, '[')) == "it is nested more than 20 deep");
  std::string deep = "{\"policies\": [";
  for (int i = 0; i < tls_report_depth_max; ++i) deep += "{\"x\":";
  CHECK(problem_of(deep) == "it is nested more than 20 deep");
  std::string many = "{\"policies\": [0";
  for (std::size_t i = 0; i < tls_report_policies_max; ++i) many += ",0";
  CHECK(problem_of(many + "]}") == "it has more than 1000 policies");
  std::string failures = "0";
  for (std::size_t i = 0; i < tls_report_failures_max; ++i) failures += ",0";
  CHECK(
      problem_of("{\"policies\": [{\"policy\": {\"policy-domain\": \"a\"}, \"failure-details\": [" +
                 failures + "]}]}") == "a policy has more than 10000 failure-details");
}

TEST_CASE("a time of a TLS report that is no time counts as unknown") {
  auto read = parse_tls_report(
      R"({"policies": [], "date-range": {"start-datetime": "yesterday", "end-datetime": 7}})");
  REQUIRE(read);
  CHECK(read->begin == 0);
  CHECK(read->end == 0);
}

TEST_CASE("a TLS report that we write is read as it was meant") {
  TlsReport written;
  written.organization = "Our \"mail\"";
  written.contact = "tls@example.com";
  written.report_id = "id-1";
  written.begin = 1'795'824'000;
  written.end = 1'795'910'399;
  TlsPolicyReport policy;
  policy.type = "tlsa";
  policy.domain = "example.org";
  policy.policy = {"3 1 1 00ff"};
  policy.mx_patterns = {"*.example.org"};
  policy.successes = 3;
  policy.failures = 2;
  TlsFailure failure;
  failure.kind = "validation-failure";
  failure.receiving_mx = "mx.example.org";
  failure.sending_ip = "192.0.2.1";
  failure.reason = "not UTF-8: \xff";
  failure.count = 2;
  policy.details = {failure};
  written.policies = {policy};
  auto json = tls_report_json(written);
  CHECK(json.find("\"start-datetime\": \"2026-11-28T00:00:00Z\"") != std::string::npos);
  CHECK(json.find("\"end-datetime\": \"2026-11-28T23:59:59Z\"") != std::string::npos);
  CHECK(json.find("\"3 1 1 00ff\"") != std::string::npos);
  CHECK(json.find("\"*.example.org\"") != std::string::npos);
  auto read = parse_tls_report(json);
  REQUIRE(read);
  CHECK(read->organization == written.organization);
  CHECK(read->begin == written.begin);
  CHECK(read->end == written.end);
  REQUIRE(read->policies.size() == 1);
  CHECK(read->policies[0].successes == 3);
  CHECK(read->policies[0].failures == 2);
  REQUIRE(read->policies[0].details.size() == 1);
  CHECK(read->policies[0].details[0].kind == "validation-failure");
  CHECK(read->policies[0].details[0].sending_ip == "192.0.2.1");
  CHECK(read->policies[0].details[0].count == 2);
}
