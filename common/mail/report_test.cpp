#include "common/mail/report.h"

#include <doctest/doctest.h>

#include <string>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

using namespace pennypost;

namespace {

constexpr std::string_view original =
    "From: ann@example.net\r\nTo: bob@example.org\r\nSubject: x\r\n\r\nThe body.\r\n";

Report one_failure() {
  Report report;
  report.sender = *MailAddress::parse("ann@example.net");
  report.from = *MailAddress::parse("MAILER-DAEMON@mail.example.org");
  report.reporting_mta = "mail.example.org";
  report.queue_id = "4Zk2Qn1";
  report.unique = "20231114.5A";
  report.date = {1'700'000'100, 0};
  report.arrival = {1'700'000'000, 0};
  report.original = original;
  ReportedRecipient bob;
  bob.recipient = *MailAddress::parse("bob@example.org", Utf8::Allowed);
  bob.status = {5, 1, 1};
  bob.reason = "host mx.example.org[192.0.2.7] said: 550 5.1.1 No such user";
  bob.remote_mta = "mx.example.org";
  bob.diagnostic = "550 5.1.1 No such user";
  report.recipients.push_back(bob);
  return report;
}

struct Parsed {
  ReportText text;
  MimePart root;
  std::string body(std::size_t child) const {
    const auto& part = root.children.at(child);
    return text.bytes.substr(part.body.offset, part.body.bytes);
  }
};

Parsed parsed(const Report& report) {
  auto text = delivery_report(report);
  return {text, parse_mime(text.bytes)};
}

}  // namespace

TEST_CASE("a failure is reported in three parts, with the message") {
  auto report = parsed(one_failure());
  HeaderFields header(report.text.bytes);
  CHECK(header.value("To") == "ann@example.net");
  CHECK(header.value("From") == "Mail Delivery System <MAILER-DAEMON@mail.example.org>");
  CHECK(header.value("Auto-Submitted") == "auto-replied");
  CHECK(header.value("Subject") == "Undelivered Mail Returned to Sender");
  CHECK_FALSE(report.text.smtputf8);
  CHECK_FALSE(report.text.eight_bit);
  REQUIRE(report.root.children.size() == 3);
  CHECK(report.root.is("multipart", "report"));
  CHECK(find_parameter(report.root.type_parameters, "report-type") == "delivery-status");
  CHECK(report.root.children[0].is("text", "plain"));
  CHECK(report.body(0).find(
            "<bob@example.org>: failed\r\n    host mx.example.org[192.0.2.7] said: 550") !=
        std::string::npos);
  CHECK(report.root.children[1].is("message", "delivery-status"));
  CHECK(report.body(1) ==
        "Reporting-MTA: dns; mail.example.org\r\n"
        "X-Pennypost-Queue-ID: 4Zk2Qn1\r\n"
        "X-Pennypost-Sender: rfc822; ann@example.net\r\n"
        "Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        "\r\n"
        "Final-Recipient: rfc822; bob@example.org\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx.example.org\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n");
  CHECK(report.root.children[2].is("message", "rfc822"));
  CHECK(report.body(2) == original);
}

TEST_CASE("only the header comes back if RET, the size, or the outcome says so") {
  auto headers_only = one_failure();
  headers_only.ret = DsnReturn::Headers;
  auto too_large = one_failure();
  too_large.return_bytes_max = original.size() - 1;
  auto delayed = one_failure();
  delayed.ret = DsnReturn::Full;
  delayed.recipients[0].action = DsnAction::Delayed;
  for (const auto& report : {headers_only, too_large, delayed}) {
    auto out = parsed(report);
    CHECK(out.root.children[2].is("text", "rfc822-headers"));
    CHECK(out.body(2) == original.substr(0, header_bytes(original)));
  }
}

TEST_CASE("delay and success name themselves, and when delivery gives up") {
  auto report = one_failure();
  report.recipients[0].action = DsnAction::Delayed;
  report.recipients[0].retry_until = MailDate{1'700'432'000, 0};
  report.envid = "QQ314159";
  auto delayed = parsed(report);
  CHECK(HeaderFields(delayed.text.bytes).value("Subject") == "Delayed Mail (still being retried)");
  CHECK(delayed.body(1).find("Will-Retry-Until: Sun, 19 Nov 2023 22:13:20 +0000\r\n") !=
        std::string::npos);
  CHECK(delayed.body(1).find("Original-Envelope-Id: QQ314159\r\n") != std::string::npos);

  report.recipients[0].action = DsnAction::Relayed;
  report.recipients[0].original = OriginalRecipient{"rfc822", "staff@example.org"};
  auto relayed = parsed(report);
  CHECK(HeaderFields(relayed.text.bytes).value("Subject") == "Successful Mail Delivery Report");
  CHECK(relayed.body(1).find("Original-Recipient: rfc822; staff@example.org\r\nFinal-Recipient: "
                             "rfc822; bob@example.org\r\nAction: relayed\r\n") !=
        std::string::npos);
  CHECK(relayed.body(0).find("(expanded from <staff@example.org>)") != std::string::npos);

  report.recipients.push_back(one_failure().recipients[0]);
  CHECK(HeaderFields(delivery_report(report).bytes).value("Subject") ==
        "Undelivered Mail Returned to Sender");
}

TEST_CASE("a sender with a UTF-8 address gets a global report, another an ASCII one") {
  auto report = one_failure();
  report.recipients[0].recipient = *MailAddress::parse("j\xc3\xb6@example.org", Utf8::Allowed);
  auto ascii = parsed(report);
  CHECK_FALSE(ascii.text.smtputf8);
  CHECK(ascii.text.eight_bit);
  CHECK(ascii.body(1).find("Final-Recipient: utf-8; j\\x{F6}@example.org\r\n") !=
        std::string::npos);
  CHECK(is_ascii(ascii.body(1)));
  CHECK(ascii.root.children[0].charset() == "utf-8");

  report.sender = *MailAddress::parse("\xc3\xa4nn@example.net", Utf8::Allowed);
  std::string message = "Subject: \xc3\xa4\r\n\r\nx\r\n";
  report.original = message;
  auto global = parsed(report);
  CHECK(global.text.smtputf8);
  CHECK(global.root.children[1].is("message", "global-delivery-status"));
  CHECK(global.root.children[2].is("message", "global"));
  CHECK(global.body(1).find("Final-Recipient: utf-8; j\xc3\xb6@example.org\r\n") !=
        std::string::npos);
}

TEST_CASE("a recipient that is no address is named as it was given") {
  auto report = one_failure();
  report.recipients[0].recipient = MailAddress();
  report.recipients[0].original = OriginalRecipient{"rfc822", "x@"};
  auto told = parsed(report);
  CHECK(told.body(0).find("\r\n<x@>: ") != std::string::npos);
  CHECK(told.body(1).find("Final-Recipient: rfc822; x@\r\n") != std::string::npos);
  CHECK(told.body(1).find("Original-Recipient") == std::string::npos);
}

TEST_CASE("a hostile reply or message cannot break a report's form") {
  auto report = one_failure();
  report.recipients[0].diagnostic = "550 x\r\nAction: delivered\r\n\r\n--report.20231114.5A--\xff";
  report.recipients[0].reason = report.recipients[0].diagnostic;
  std::string message = "Subject: x\r\n\r\n--report.20231114.5A--\r\n--report.20231114.5Ax\r\n";
  report.original = message;
  auto out = parsed(report);
  CHECK(out.root.children.size() == 3);
  CHECK(out.body(2) == message);
  CHECK(out.body(1).find("\r\nAction: delivered") == std::string::npos);
  CHECK(is_ascii(out.body(1)));
}

TEST_CASE("a message that ends without a line end, or is all header, still makes a report") {
  auto report = one_failure();
  for (std::string_view message : {"", "Subject: x", "Subject: x\r\n\r\nno end"}) {
    report.original = message;
    CHECK(parsed(report).root.children.size() == 3);
    CHECK(parsed(report).body(2).starts_with(message));
  }
}
