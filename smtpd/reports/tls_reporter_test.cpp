#include "smtpd/reports/tls_reporter.h"

#include <doctest/doctest.h>
#include <filesystem>

#include "common/base/scratch.h"
#include "common/base/text.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "common/mail/archive.h"
#include "smtpd/reports/received.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::chrono::hours day{24};

/// A reporter whose peers a test plays.
struct Office {
  explicit Office(const std::string& setting = "smtp_tlsrpt_enable=yes")
      : config(config_for_test({setting})), reporter(loop, scratch / "tlsrpt", ask(), clock) {}

  DailyReporter::Ask ask() {
    DailyReporter::Ask ask;
    ask.config = [this] { return config; };
    ask.find_targets = [this](FindReportTargets what) { return find(std::move(what)); };
    ask.post = [this](PostReport what) { return post(std::move(what)); };
    ask.submit = [this](NewMessage message) { return take(std::move(message)); };
    return ask;
  }
  Task<Result<FindReportTargets::Targets>> find(FindReportTargets what) {
    is_about_tls = what.kind == ReportKind::Tls;
    FindReportTargets::Targets answer;
    answer.addresses = targets;
    answer.web = web;
    co_return std::move(answer);
  }
  Task<Result<void>> take(NewMessage message) {
    sent.push_back(std::move(message));
    co_return Result<void>();
  }
  Task<Result<Done>> post(PostReport what) {
    tried.push_back(what.uri);
    if (what.uri == broken) co_return Error::temporary(what.uri + ": HTTP status 503");
    posted.push_back(std::move(what));
    co_return Done();
  }
  void note(const std::string& kind) {
    NoteTlsResult one;
    one.domain = "example.org";
    one.result.policy_type = "tlsa";
    one.result.policy = {"3 1 1 abcdef"};
    one.result.kind = kind;
    one.result.receiving_mx = "mx.example.org";
    loop.run_until(reporter.note(std::move(one)));
  }
  void send() { loop.run_until(reporter.send_due()); }

  Scratch scratch;
  Loop loop;
  LogCapture log;
  ManualClock clock{std::chrono::seconds(1'795'953'600)};  // 2026-11-29 12:00 UTC
  std::shared_ptr<const Config> config;
  std::vector<ReportTarget> targets{{"tls@example.org", 0}, {"tls@example.net", 0}};
  std::vector<std::string> web;
  std::string broken;
  bool is_about_tls = false;
  std::vector<NewMessage> sent;
  std::vector<std::string> tried;
  std::vector<PostReport> posted;
  TlsReporter reporter;
};

}  // namespace

TEST_CASE("a domain gets one TLS report of a day, as others can read it") {
  Office office;
  office.note("");
  office.note("");
  office.note("certificate-expired");
  office.send();
  CHECK(office.sent.empty());
  office.clock.advance(day);
  office.send();
  office.send();
  REQUIRE(office.sent.size() == 1);
  CHECK(office.is_about_tls);

  const auto& mail = office.sent[0];
  CHECK(mail.envelope.sender == "postmaster@example.com");
  REQUIRE(mail.envelope.recipients.size() == 2);
  CHECK(mail.envelope.recipients[1].address == "tls@example.net");
  CHECK(mail.envelope.recipients[1].notify == notify_never);
  CHECK(mail.envelope.forgoes_tls());
  for (const std::string part :
       {"\nTLS-Report-Domain: example.org\n", "\nTLS-Report-Submitter: example.com\n",
        "\nTLS-Required: No\n", "multipart/report; report-type=\"tlsrpt\"",
        "Content-Type: application/tlsrpt+gzip;",
        "example.com!example.org!1795910400!1795996799.json.gz",
        "2 sessions were as its policy says, 1"}) {
    CAPTURE(part);
    CHECK(mail.body.find(part) != std::string::npos);
  }
  ReceivedReports received;
  REQUIRE(received.take_message(mail.body));
  REQUIRE(received.tls().size() == 1);
  const auto& report = received.tls()[0];
  CHECK(report.organization == "example.com");
  CHECK(report.contact == "postmaster@example.com");
  CHECK(report.report_id == "2026-11-29.example.org@mail.example.com");
  CHECK(report.begin == 1'795'910'400);
  CHECK(report.end == 1'795'996'799);
  REQUIRE(report.policies.size() == 1);
  CHECK(report.policies[0].type == "tlsa");
  CHECK(report.policies[0].domain == "example.org");
  CHECK(report.policies[0].successes == 2);
  CHECK(report.policies[0].failures == 1);
  CHECK(report.policies[0].details.at(0).kind == "certificate-expired");
}

TEST_CASE("nothing is sent to a domain that wants no TLS reports, nor where they are off") {
  for (bool is_on : {true, false}) {
    Office office(is_on ? "smtp_tlsrpt_enable=yes" : "smtp_tlsrpt_enable=no");
    if (is_on) office.targets.clear();
    office.note("");
    office.clock.advance(day);
    office.send();
    CHECK(office.sent.empty());
    CHECK(std::filesystem::is_empty(office.scratch / "tlsrpt"));
  }
}

TEST_CASE("a report is posted to the web servers that a domain names, beside the mail or alone") {
  for (bool is_mailed : {true, false}) {
    CAPTURE(is_mailed);
    Office office;
    if (!is_mailed) office.targets.clear();
    office.web = {"https://a.test/v1", "https://b.test/v1"};
    office.note("certificate-expired");
    office.clock.advance(day);
    office.send();
    office.send();
    CHECK(office.sent.size() == (is_mailed ? 1 : 0));
    REQUIRE(office.posted.size() == 2);
    CHECK(office.posted[1].uri == "https://b.test/v1");
    CHECK(office.posted[1].content_type == "application/tlsrpt+gzip");
    auto report = gunzip(office.posted[1].content, 100'000);
    REQUIRE(report);
    CHECK(report->find("certificate-expired") != std::string::npos);
    CHECK(std::filesystem::is_empty(office.scratch / "tlsrpt"));
  }
}

TEST_CASE("a report that a web server does not accept is posted again for a day, to it alone") {
  for (bool is_mended : {true, false}) {
    CAPTURE(is_mended);
    Office office;
    office.web = {"https://a.test/v1", "https://b.test/v1"};
    office.broken = "https://a.test/v1";
    office.note("");
    office.clock.advance(day);
    office.send();
    CHECK(office.log.last().find("HTTP status 503") != std::string::npos);
    office.clock.advance(std::chrono::hours(11));
    if (is_mended) office.broken.clear();
    office.send();
    office.clock.advance(std::chrono::hours(2));
    office.send();
    office.send();
    CHECK(office.sent.size() == 1);
    CHECK(office.posted.size() == (is_mended ? 2 : 1));
    CHECK(office.tried.size() == (is_mended ? 3 : 4));
    CHECK((join(office.log.lines(), "\n").find("503; given up") != std::string::npos) != is_mended);
    CHECK(std::filesystem::is_empty(office.scratch / "tlsrpt"));
  }
}
