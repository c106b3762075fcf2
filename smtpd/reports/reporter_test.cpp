#include "smtpd/reports/reporter.h"

#include <doctest/doctest.h>
#include <filesystem>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "common/mail/header.h"
#include "smtpd/reports/received.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::chrono::hours day{24};

/// A reporter whose peers a test plays.
struct Office {
  explicit Office(std::vector<std::string> settings = {"dmarc_reports=yes"})
      : config(config_for_test(std::move(settings))),
        reporter(loop, scratch / "dmarc", ask(), clock) {}

  Reporter::Ask ask() {
    Reporter::Ask ask;
    ask.config = [this] { return config; };
    ask.find_targets = [this](FindReportTargets what) { return find(std::move(what)); };
    ask.submit = [this](NewMessage message) { return take(std::move(message)); };
    return ask;
  }
  Task<Result<FindReportTargets::Targets>> find(FindReportTargets what) {
    asked.push_back(what.domain);
    FindReportTargets::Targets answer;
    if (is_dns_down) co_return Error::temporary("4.4.3", "no answer from DNS in time");
    answer.addresses = targets;
    co_return std::move(answer);
  }
  Task<Result<void>> take(NewMessage message) {
    if (is_queue_full) co_return Error(452, "4.3.1", "Insufficient system storage");
    sent.push_back(std::move(message));
    co_return Result<void>();
  }
  void note(const std::string& domain, const std::string& address) {
    NoteEvaluation one;
    one.policy = DmarcReportPolicy::of(domain, *DmarcRecord::parse("v=DMARC1; p=reject"));
    one.row.source_ip = address;
    one.row.header_from = domain;
    loop.run_until(reporter.note(std::move(one)));
  }
  void send() { loop.run_until(reporter.send_due()); }
  bool is_anything_kept() const {
    return std::filesystem::exists(scratch.path() / "dmarc") &&
           !std::filesystem::is_empty(scratch.path() / "dmarc");
  }

  Scratch scratch;
  Loop loop;
  LogCapture log;
  ManualClock clock{std::chrono::seconds(1'795'953'600)};  // 2026-11-29 12:00 UTC
  std::shared_ptr<const Config> config;
  std::vector<ReportTarget> targets{{"dmarc@example.org", 0}};
  bool is_dns_down = false;
  bool is_queue_full = false;
  std::vector<std::string> asked;
  std::vector<NewMessage> sent;
  Reporter reporter;
};

}  // namespace

TEST_CASE("a domain gets one report of a day, when it is over") {
  Office office;
  office.note("example.org", "192.0.2.1");
  office.note("example.org", "192.0.2.1");
  office.note("example.org", "192.0.2.2");
  office.send();
  CHECK(office.sent.empty());
  office.clock.advance(day);
  office.send();
  REQUIRE(office.sent.size() == 1);
  office.send();
  CHECK(office.sent.size() == 1);
  CHECK_FALSE(office.is_anything_kept());

  const auto& mail = office.sent[0];
  CHECK(mail.envelope.sender == "postmaster@example.com");
  REQUIRE(mail.envelope.recipients.size() == 1);
  CHECK(mail.envelope.recipients[0].address == "dmarc@example.org");
  CHECK(mail.envelope.recipients[0].notify == notify_never);
  HeaderFields fields(mail.body);
  CHECK(fields.value("From") == "postmaster@example.com");
  CHECK(fields.value("To") == "dmarc@example.org");
  CHECK(fields.value("Subject") ==
        "Report Domain: example.org Submitter: mail.example.com Report-ID: "
        "<2026-11-29.example.org@mail.example.com>");
  CHECK(fields.value("Auto-Submitted") == "auto-generated");
  CHECK(mail.body.find("filename=\"mail.example.com!example.org!1795910400!1795996799.xml.gz\"") !=
        std::string::npos);
  CHECK(mail.body.find("It covers 3 messages.") != std::string::npos);
  ReceivedReports received;
  REQUIRE(received.take_message(mail.body));
  REQUIRE(received.dmarc().size() == 1);
  const auto& report = received.dmarc()[0];
  CHECK(report.organization == "example.com");
  CHECK(report.email == "postmaster@example.com");
  CHECK(report.policy.policy == "reject");
  CHECK(report.rows.size() == 2);
}

TEST_CASE("a report goes to all addresses that take its size") {
  Office office({"dmarc_reports=yes", "dmarc_report_sender=dmarc@example.com",
                 "dmarc_report_organization=Example & Sons"});
  office.note("example.org", "192.0.2.1");
  office.clock.advance(day);
  office.targets = {{"a@example.org", 100}, {"b@example.org", 1 << 20}, {"c@example.org", 0}};
  office.send();
  REQUIRE(office.sent.size() == 1);
  const auto& mail = office.sent[0];
  REQUIRE(mail.envelope.recipients.size() == 2);
  CHECK(mail.envelope.recipients[0].address == "b@example.org");
  CHECK(mail.envelope.recipients[1].address == "c@example.org");
  CHECK(mail.envelope.recipients[1].number == 1);
  CHECK(mail.envelope.sender == "dmarc@example.com");
  ReceivedReports received;
  REQUIRE(received.take_message(mail.body));
  CHECK(received.dmarc()[0].organization == "Example & Sons");
}

TEST_CASE("a report that is too large for all, or that nobody wants any more, is forgotten") {
  Office office;
  office.note("example.org", "192.0.2.1");
  office.clock.advance(day);
  office.targets = {{"a@example.org", 100}};
  office.send();
  CHECK(office.sent.empty());
  CHECK_FALSE(office.is_anything_kept());
  office.note("example.org", "192.0.2.1");
  office.clock.advance(day);
  office.targets.clear();
  office.send();
  CHECK(office.sent.empty());
  CHECK_FALSE(office.is_anything_kept());
}

TEST_CASE("a report waits while DNS or the queue fails, and is given up after some days") {
  Office office;
  office.note("example.org", "192.0.2.1");
  office.clock.advance(day);
  office.is_dns_down = true;
  office.send();
  office.is_dns_down = false;
  office.is_queue_full = true;
  office.send();
  CHECK(office.is_anything_kept());
  CHECK(office.log.lines().back().find("report to example.org of 2026-11-29: ") !=
        std::string::npos);
  office.is_queue_full = false;
  office.clock.advance(day);
  office.send();
  CHECK(office.sent.size() == 1);
  office.note("example.org", "192.0.2.1");
  office.is_dns_down = true;
  office.clock.advance((Reporter::days_kept + 1) * day);
  auto asked = office.asked.size();
  office.send();
  CHECK(office.asked.size() == asked);
  CHECK_FALSE(office.is_anything_kept());
}

TEST_CASE("where reports are turned off, nothing is sent and nothing is kept") {
  Office office;
  office.note("example.org", "192.0.2.1");
  office.config = config_for_test({"dmarc_reports=no"});
  office.clock.advance(day);
  office.send();
  CHECK(office.sent.empty());
  CHECK_FALSE(office.is_anything_kept());
}

TEST_CASE("what can't be kept is logged once a day") {
  Office office;
  for (int i = 0; i < 3; ++i) office.note("Not/a name", "192.0.2.1");
  CHECK(office.log.lines().size() == 1);
  office.clock.advance(day);
  office.note("Not/a name", "192.0.2.1");
  CHECK(office.log.lines().size() == 2);
}
