#include "common/mailauth/dmarc_report.h"

#include <doctest/doctest.h>

#include "common/mailauth/dmarc_report_parser.h"

using namespace pennypost;

namespace {

DmarcReport report() {
  DmarcReport made;
  made.organization = "Example & Sons <mail>";
  made.email = "postmaster@example.com";
  made.report_id = "2026-11-28.example.org@mail.example.com";
  made.begin = 1'795'824'000;
  made.end = 1'795'910'399;
  made.policy = DmarcReportPolicy::of(
      "example.org", *DmarcRecord::parse("v=DMARC1; p=reject; sp=none; adkim=s; pct=50; fo=1"));
  DmarcReportRow row;
  row.count = 7;
  row.source_ip = "2001:db8::1";
  row.disposition = "quarantine";
  row.spf_aligned = true;
  row.header_from = "example.org";
  row.envelope_from = "bounce.example.org";
  row.reasons = {{"sampled_out", ""}, {"local_policy", "\"why\" & how"}};
  row.dkim = {{"example.net", "s1", "pass"}, {"example.org", "", "fail"}};
  row.spf = {{"bounce.example.org", "mfrom", "pass"}};
  made.rows.push_back(row);
  return made;
}

std::string problem_of(std::string_view xml) {
  auto parsed = parse_dmarc_report(xml);
  return parsed ? "" : parsed.error().text();
}

std::string with_rows(const std::string& rows) {
  return "<feedback><policy_published><domain>example.org</domain></policy_published>" + rows +
         "</feedback>";
}

}  // namespace

TEST_CASE("a report is read as it was written") {
  const auto made = report();
  auto xml = dmarc_report_xml(made);
  auto read = parse_dmarc_report(xml);
  REQUIRE(read);
  CHECK(read->organization == made.organization);
  CHECK(read->email == made.email);
  CHECK(read->report_id == made.report_id);
  CHECK(read->begin == made.begin);
  CHECK(read->end == made.end);
  CHECK(read->policy == made.policy);
  CHECK(read->rows == made.rows);
  CHECK(read->policy.adkim == "s");
  CHECK(read->policy.subdomains == "none");
  CHECK(read->policy.percent == "50");
}

TEST_CASE("octets that XML does not allow are written as question marks") {
  auto made = report();
  made.rows[0].header_from = "a\x01\xff.example";
  auto read = parse_dmarc_report(dmarc_report_xml(made));
  REQUIRE(read);
  CHECK(read->rows[0].header_from == "a??.example");
}

TEST_CASE("elements are known in any namespace and order, and others are passed over") {
  auto read = parse_dmarc_report(
      "<?xml version='1.0' encoding='ISO-8859-1'?>\n"
      "<d:feedback xmlns:d='urn:ietf:params:xml:ns:dmarc-2.0'><d:extension><d:row/></d:extension>"
      "<d:record><d:identifiers><d:header_from> Example.ORG </d:header_from></d:identifiers>"
      "<d:row><d:count>3</d:count><d:new>x</d:new><d:source_ip>192.0.2.1</d:source_ip>"
      "<d:policy_evaluated><d:dkim>PASS</d:dkim></d:policy_evaluated></d:row></d:record>"
      "<d:policy_published><d:domain>example.org</d:domain></d:policy_published></d:feedback>");
  REQUIRE(read);
  REQUIRE(read->rows.size() == 1);
  CHECK(read->rows[0].count == 3);
  CHECK(read->rows[0].source_ip == "192.0.2.1");
  CHECK(read->rows[0].header_from == "example.org");
  CHECK(read->rows[0].dkim_aligned);
}

TEST_CASE("what is no report, or is broken, is refused with its line") {
  CHECK(problem_of("") == "line 1: no element found");
  CHECK(problem_of("<feedback>\n<row></feedback>") == "line 2: mismatched tag");
  CHECK(problem_of("<feedback/>") ==
        "it is no DMARC report: it has no policy_published with a domain");
  CHECK(problem_of(with_rows("")) == "");
}

TEST_CASE("no entity but XML's own is expanded, and a document type is refused") {
  CHECK(problem_of("<!DOCTYPE feedback [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;'>]>\n" +
                   with_rows("<x>&b;</x>")) == "line 1: it has a document type declaration");
  CHECK(problem_of("<!DOCTYPE feedback SYSTEM 'file:///etc/passwd'>" + with_rows("")) ==
        "line 1: it has a document type declaration");
  CHECK(problem_of(with_rows("<x>&unknown;</x>")) == "line 1: undefined entity");
}

TEST_CASE("the depth, the records, the results of a record and the size of a value are limited") {
  std::string deep;
  for (std::size_t i = 0; i < dmarc_report_depth_max; ++i) deep += "<x>";
  CHECK(problem_of(with_rows(deep)) == "line 1: elements are nested more than 20 deep");
  std::string rows;
  for (std::size_t i = 0; i <= dmarc_report_rows_max; ++i) rows += "<record/>";
  CHECK(problem_of(with_rows(rows)) == "line 1: it has more than 100000 records");
  std::string results;
  for (std::size_t i = 0; i <= dmarc_report_results_max; ++i) results += "<dkim/>";
  CHECK(problem_of(with_rows("<record><auth_results>" + results + "</auth_results></record>")) ==
        "line 1: a record has too many results");
  auto read = parse_dmarc_report(with_rows("<record><identifiers><header_from>" +
                                           std::string(100'000, 'a') +
                                           "</header_from></identifiers></record>"));
  REQUIRE(read);
  CHECK(read->rows[0].header_from.size() == dmarc_report_value_max);
  CHECK(problem_of(std::string(dmarc_report_bytes_max + 1, ' ')) ==
        "the report has more than 33554432 bytes");
}

TEST_CASE("rows that differ by their count alone become one") {
  auto row = report().rows[0];
  auto other = row;
  other.source_ip = "192.0.2.9";
  std::vector<DmarcReportRow> rows{row, other, row};
  merge_rows(rows);
  REQUIRE(rows.size() == 2);
  auto of_first = rows[0].source_ip == row.source_ip ? rows[0] : rows[1];
  CHECK(of_first.count == 14);
  row.count = 14;
  CHECK(of_first == row);
}
