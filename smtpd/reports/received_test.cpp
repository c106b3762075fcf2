#include "smtpd/reports/received.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/mail/archive.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

std::string dmarc_report(const std::string& id = "1") {
  DmarcReport report;
  report.organization = "receiver.test";
  report.report_id = id;
  report.policy.domain = "example.org";
  report.rows.resize(1);
  return dmarc_report_xml(report);
}

const std::string tls_report =
    R"({"organization-name": "receiver.test", "report-id": "9", "policies": []})";

std::string message(const std::string& type, const std::string& bytes) {
  return "From: x@receiver.test\nSubject: Report Domain: example.org\nMIME-Version: 1.0\n"
         "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
         "{<words>}\n--b\nContent-Type: " +
         type + "\nContent-Transfer-Encoding: base64\n\n" + base64_encode(bytes) + "\n--b--\n";
}

std::string problem_of(const Result<void>& taken) { return taken ? "" : taken.error().text(); }

}  // namespace

TEST_CASE("mail that may bring a report is known by its header") {
  for (const char* header :
       {"Subject: Report Domain: example.org Submitter: x\n\n",
        "Subject: =?utf-8?Q?Report_domain=3A_example.org?=\n\n", "TLS-Report-Domain: example.org\n",
        "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=x\n\n"}) {
    CAPTURE(header);
    CHECK(ReceivedReports::may_have_one(header));
  }
  CHECK_FALSE(
      ReceivedReports::may_have_one("Subject: Report of the day\nContent-Type: text/xml\n\n"));
}

TEST_CASE("reports are found in attachments of any type, packed or not") {
  ReceivedReports reports;
  CHECK(problem_of(reports.take_message(message("application/gzip", gzip(dmarc_report("1"))))) ==
        "");
  CHECK(problem_of(reports.take_message(message("application/octet-stream", dmarc_report("2")))) ==
        "");
  CHECK(problem_of(reports.take_message(message("application/tlsrpt+gzip", gzip(tls_report)))) ==
        "");
  CHECK(reports.dmarc().size() == 2);
  CHECK(reports.tls().size() == 1);
  CHECK(problem_of(reports.take_message("Content-Type: application/xml\n\n" + dmarc_report("3"))) ==
        "");
  CHECK(problem_of(reports.take_file("\xef\xbb\xbf" + dmarc_report("4"))) == "");
  CHECK(reports.dmarc().size() == 4);
}

TEST_CASE("a report that has come already is passed over, one without an id is not") {
  ReceivedReports reports;
  for (int i = 0; i < 2; ++i) {
    CHECK(problem_of(reports.take_file(dmarc_report("same"))) == "");
    CHECK(problem_of(reports.take_file(tls_report)) == "");
    CHECK(problem_of(reports.take_file(dmarc_report(""))) == "");
  }
  CHECK(reports.dmarc().size() == 3);
  CHECK(reports.tls().size() == 1);
}

TEST_CASE("what is no report, or is broken, or a bomb, is told") {
  ReceivedReports reports;
  CHECK(problem_of(reports.take_message("Subject: x\n\nwords\n")) ==
        "it has no report in gzip, zip, XML or JSON");
  CHECK(problem_of(reports.take_message(message("application/gzip", "\x1f\x8b broken"))) ==
        "it is damaged");
  CHECK(problem_of(reports.take_message(message("application/xml", "<feedback/>"))) ==
        "it is no DMARC report: it has no policy_published with a domain");
  CHECK(problem_of(reports.take_file(gzip(std::string(40 << 20, ' ')))) ==
        "it unpacks to more than 33554432 bytes");
  CHECK(reports.dmarc().empty());
}
