#include "smtpd/policy/content_checks.h"

#include <doctest/doctest.h>

#include <map>

#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "smtpd/routing/blind_copies.h"
#include "store/maps/map.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

CheckContent asked(std::string header) {
  CheckContent ask;
  ask.blocks.push_back({MimeBlock::Kind::Header, 0, std::move(header)});
  return ask;
}

/// Applies a pcre: table to a header and keeps the log.
struct Checked {
  explicit Checked(const std::string& table, const std::string& from, std::string more = "") {
    Scratch scratch;
    auto path = scratch / "checks";
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fputs(table.c_str(), file);
    std::fclose(file);
    std::vector<std::string> settings{"header_checks=pcre:" + path};
    if (!more.empty()) settings.push_back(more);
    auto config = config_for_test(settings);
    auto map = store::Map::open(config->header_checks.at(0));
    REQUIRE(map);
    FindContent find = [&](const TableRef&, std::string_view key) { return (*map)->lookup(key); };
    CheckContent ask = asked(from);
    auto findings = check_content(ask, *config, find);
    if (!findings) {
      error = findings.error().text();
      return;
    }
    LogTransaction line;
    line.queue_id = "QID";
    line.peer = {"c.example", "192.0.2.1"};
    line.has_sender = line.has_recipient = true;
    line.sender = "a@x.test";
    line.recipient = "b@x.test";
    line.protocol = "ESMTP";
    line.helo = "c";
    auto made = carry_out(*findings, ask.blocks, line);
    REQUIRE(made);
    verdict = *std::move(made);
    header = edited(from, verdict.header_edits);
  }
  LogCapture log;
  std::string error;
  ContentVerdict verdict;
  std::string header;
};

const std::string sample = "Received: r\nTo: b\nSubject: one\n two\nX-Mailer: M\n";

}  // namespace

TEST_CASE("actions change the field that matched, in any case of letters") {
  struct Row {
    const char* table;
    const char* header;
  };
  for (const auto& row :
       {Row{"/^X-Mailer:/ IGNORE", "Received: r\nTo: b\nSubject: one\n two\n"},
        Row{"/^to:/ replace To: c", "Received: r\nTo: c\nSubject: one\n two\nX-Mailer: M\n"},
        Row{"/^To:/ Prepend X-A: 1",
            "Received: r\nX-A: 1\nTo: b\nSubject: one\n two\nX-Mailer: M\n"},
        Row{"/^Subject: (.*)$/ REPLACE Subject: [x] $1",
            "Received: r\nTo: b\nSubject: [x] one\n two\nX-Mailer: M\n"},
        Row{"/^Received:/ IGNORE\n/^X-Mailer/ IGNORE", "To: b\nSubject: one\n two\n"},
        Row{"/^To:/ DUNNO\n/./ IGNORE", "To: b\n"},
        Row{"/^To:/ OK\n/^(To)/ IGNORE", "Received: r\nTo: b\nSubject: one\n two\nX-Mailer: M\n"},
        // Folds are kept in the key; in a new field a blank is added after a line end.
        Row{"/^Subject: one\\n two$/ IGNORE", "Received: r\nTo: b\nX-Mailer: M\n"},
        Row{"/^Subject: (.*\\n)(.*)$/ REPLACE Subject: $1x$2",
            "Received: r\nTo: b\nSubject: one\n x two\nX-Mailer: M\n"}}) {
    CAPTURE(row.table);
    Checked checked(row.table, sample);
    CHECK(checked.error == "");
    CHECK(checked.header == row.header);
  }
}

TEST_CASE("a field is looked up without the blanks before its colon, up to header_size_limit") {
  CHECK(Checked("/^Subject: x$/ IGNORE", "Subject \t: x\n").header.empty());
  std::string long_field = "Subject: " + std::string(3000, 'x');
  CHECK(Checked("/y$/ IGNORE", long_field + "y\n").header.empty());
  CHECK_FALSE(Checked("/y$/ IGNORE", long_field + "y\n", "header_size_limit=2000").header.empty());
  CHECK(Checked("/^Subject: x*$/ IGNORE", long_field + "y\n", "header_size_limit=2000")
            .header.empty());
}

TEST_CASE("what refuses, discards, holds or redirects is logged as Postfix does") {
  auto first_line = [](const Checked& checked) { return checked.log.lines().at(0); };
  const std::string tail =
      " from c.example[192.0.2.1]; from=<a@x.test> to=<b@x.test> proto=ESMTP helo=<c>";
  Checked plain("/^To:/ REJECT", sample);
  CHECK(plain.verdict.refusal->code() == 550);
  CHECK(plain.verdict.refusal->text_with_status() == "5.7.1 message content rejected");
  CHECK(first_line(plain) ==
        "cleanup: QID: reject: header To: b" + tail + ": 5.7.1 message content rejected");
  Checked later("/^To:/ REJECT 4.7.2 come again", sample);
  CHECK(later.verdict.refusal->code() == 451);
  CHECK(later.verdict.refusal->text_with_status() == "4.7.2 come again");
  CHECK(Checked("/^To:/ REJECT 2.0.0 fine", sample).verdict.refusal->text_with_status() ==
        "4.0.0 fine");
  Checked discarded("/^To:/ DISCARD\n/^X-Mailer/ HOLD", sample);
  CHECK(discarded.verdict.is_discarded);
  CHECK_FALSE(discarded.verdict.is_held);
  CHECK(first_line(discarded) == "cleanup: QID: discard: header To: b" + tail);
  Checked held("/./ HOLD waits", sample);
  CHECK(held.verdict.is_held);
  REQUIRE(held.log.lines().size() == 1);
  CHECK(first_line(held) == "cleanup: QID: hold: header Received: r" + tail + ": waits");
  Checked redirected("/^Subject/ REDIRECT eve@x.test", sample);
  CHECK(redirected.verdict.redirect == "eve@x.test");
  CHECK(first_line(redirected) ==
        "cleanup: QID: redirect: header Subject: one? two" + tail + ": eve@x.test");
  Checked filtered("/^To:/ FILTER scan:[127.0.0.1]:10024\n/^Subject:/ FILTER smtp:[192.0.2.9]",
                   sample);
  CHECK(filtered.verdict.filter == "smtp:[192.0.2.9]");
  CHECK(filtered.header == sample);
  Checked told("/^To/ WARN look\n/^X-/ INFO", sample);
  REQUIRE(told.log.lines().size() == 2);
  CHECK(first_line(told) == "cleanup: QID: warning: header To: b" + tail + ": look");
  CHECK(told.log.lines()[1] == "cleanup: QID: info: header X-Mailer: M" + tail);
  CHECK(told.header == sample);
}

TEST_CASE("an unknown action is logged, and the message passes") {
  for (const char* action :
       {"REJET no", "REPLACE no field", "PREPEND", "REDIRECT nobody", "FILTER smtp"}) {
    CAPTURE(action);
    Checked checked(std::string("/^To:/ ") + action, sample);
    CHECK(checked.header == sample);
    CHECK_FALSE(checked.verdict.refusal);
    REQUIRE(checked.log.lines().size() == 1);
    CHECK(checked.log.lines()[0].find("cleanup: warning: header_checks: pcre:") == 0);
  }
}

TEST_CASE("as written in a table, an action is checked as far as its pattern's groups allow") {
  auto problem = [](const char* value) {
    auto action =
        ContentAction::parse(value, ContentAction::Of::Header, ContentAction::Form::Written);
    return action ? std::string() : action.error().text();
  };
  for (const char* good : {"REPLACE $1: x", "REDIRECT $1", "ignore", "REJECT $1", "REJECT 4.1.1 x",
                           "PREPEND A: b", "REDIRECT ann@x.test", "DUNNO"}) {
    CAPTURE(good);
    CHECK(problem(good) == "");
  }
  CHECK(
      problem("REJET x") ==
      "unknown action REJET; possible actions are BCC, DISCARD, DUNNO, FILTER, HOLD, IGNORE, INFO, "
      "OK, PASS, PREPEND, REDIRECT, REJECT, REPLACE, STRIP, WARN");
  CHECK(problem("FILTER smtp:x") == "");
  CHECK(problem("FILTER smtp") == "FILTER smtp: needs transport:destination");
  CHECK(problem("FILTER") == "FILTER needs transport:destination");
  CHECK(problem("REPLACE text") == "REPLACE text: needs a header as in \"Name: text\"");
  CHECK(problem("PREPEND") == "PREPEND needs a header field: text");
  CHECK(problem("REDIRECT ann") == "REDIRECT ann: needs an address, user@domain");
  CHECK(problem("REJECT 2.1.1 x") == "REJECT 2.1.1 x: needs 4.x.x or 5.x.x");
}

TEST_CASE("what a table can't tell is no reason to let a message pass, and actions have a bound") {
  auto config = config_for_test({"header_checks=inline:{a=b}"});
  FindContent broken = [](const TableRef&, std::string_view) {
    return Result<std::optional<std::string>>(Error::temporary("no table"));
  };
  CHECK(check_content(asked(sample), *config, broken).error().is_temporary());
  FindContent always = [](const TableRef&, std::string_view) {
    return Result<std::optional<std::string>>("PREPEND X: " + std::string(100'000, 'x'));
  };
  std::string many;
  for (int i = 0; i < 100; ++i) many += "A: b\n";
  auto too_much = check_content(asked(many), *config, always);
  REQUIRE_FALSE(too_much);
  CHECK(too_much.error().code() == 552);
  CHECK(check_content(asked(sample), *config, always));
}

TEST_CASE("an answer that does not fit the header is no answer") {
  CheckContent::Findings findings;
  auto& finding = findings.list.emplace_back();
  finding.offset = 5;
  finding.bytes = 100;
  finding.action.kind = ContentAction::Kind::Ignore;
  CHECK_FALSE(carry_out(findings, asked(sample).blocks, {}));
}

TEST_CASE("fields of MIME and of attached messages, and lines have tables of their own") {
  auto config = config_for_test({"header_checks=static:h", "mime_header_checks=static:m",
                                 "nested_header_checks=static:n", "body_checks=static:b"});
  CheckContent ask;
  ask.blocks = {{MimeBlock::Kind::Header, 0, "Subject: a\nMIME-Version: 1.0\n"},
                {MimeBlock::Kind::PartHeader, 40, "X-Any: b\nContent-Type: c\n"},
                {MimeBlock::Kind::NestedHeader, 80, "Subject: d\nContent-ID: e\n"},
                {MimeBlock::Kind::Body, 120, "one\ntwo"}};
  std::vector<std::string> asked_for;
  FindContent find = [&](const TableRef& table, std::string_view key) {
    asked_for.push_back(table.name + " " + std::string(key));
    return Result<std::optional<std::string>>(std::optional<std::string>());
  };
  REQUIRE(check_content(ask, *config, find));
  CHECK(asked_for == std::vector<std::string>{"h Subject: a", "m MIME-Version: 1.0", "m X-Any: b",
                                              "m Content-Type: c", "n Subject: d",
                                              "m Content-ID: e", "b one", "b two"});
}

TEST_CASE("as in Postfix, mime_header_checks and nested_header_checks are header_checks at first") {
  auto config = config_for_test({"header_checks=static:h"});
  CHECK(config->mime_header_checks == config->header_checks);
  CHECK(config->nested_header_checks == config->header_checks);
  CHECK(config->body_checks.empty());
}

namespace {

/// What is done to `body` where `actions` tells the action for a line.
ContentVerdict of_body(const std::string& body, const std::map<std::string, std::string>& actions,
                       std::string* edited_body = nullptr) {
  auto config = config_for_test({"body_checks=static:b"});
  FindContent find = [&](const TableRef&, std::string_view key) {
    auto found = actions.find(std::string(key));
    return Result<std::optional<std::string>>(
        found == actions.end() ? std::optional<std::string>() : std::optional(found->second));
  };
  CheckContent ask;
  ask.blocks.push_back({MimeBlock::Kind::Body, 100, body});
  auto findings = check_content(ask, *config, find);
  REQUIRE(findings);
  auto verdict = carry_out(*findings, ask.blocks, {});
  REQUIRE(verdict);
  if (edited_body != nullptr) {
    *edited_body = edited(std::string(100, '.') + body, verdict->body_edits).substr(100);
  }
  return *std::move(verdict);
}

}  // namespace

TEST_CASE("lines of a body are replaced, removed and put above") {
  std::string changed;
  auto verdict = of_body(
      "a\nb\nc\nd\n",
      {{"a", "REPLACE x: no field"}, {"b", "IGNORE"}, {"c", "PREPEND y"}, {"d", "strip gone"}},
      &changed);
  CHECK(changed == "x: no field\ny\nc\n");
  CHECK(verdict.line_ends == 3);  // what was put there has its own
  CHECK(verdict.header_edits.empty());
  of_body("a\nb", {{"b", "REPLACE last"}}, &changed);
  CHECK(changed == "a\nlast");
}

TEST_CASE("a long line is looked up in pieces") {
  std::string piece(content_line_bytes_max, 'x');
  std::string changed;
  of_body(piece + piece + "end\n", {{piece, "REPLACE short"}, {"end", "REPLACE END"}}, &changed);
  CHECK(changed == "shortshortEND\n");
}

TEST_CASE("PASS ends the search and lets pass, BCC adds a recipient") {
  auto passed = of_body("a\nb\n", {{"a", "PASS trusted"}, {"b", "REJECT"}});
  CHECK(passed.is_passed);
  CHECK_FALSE(passed.refusal);
  auto copied = of_body("a\n", {{"a", "BCC eve@x.test"}});
  CHECK(copied.bcc == std::vector<std::string>{"eve@x.test"});
  std::vector<Recipient> recipients(1);
  recipients[0].address = "bob@x.test";
  CHECK(add_recipient(recipients, "eve@x.test") != nullptr);
  CHECK(add_recipient(recipients, "eve@x.test") == nullptr);
  CHECK(add_recipient(recipients, "Bob@X.test") == nullptr);
  REQUIRE(recipients.size() == 2);
  CHECK(recipients[1].original == "eve@x.test");
  CHECK(recipients[1].number == recipients[0].number + 1);
}

TEST_CASE("the time for a message is what all its look-ups take together") {
  auto config = config_for_test({"header_checks=static:h"});
  auto ask = asked(sample);
  FindContent find = [](const TableRef&, std::string_view) {
    return Result<std::optional<std::string>>(std::optional<std::string>());
  };
  ask.milliseconds_left = 0;
  CHECK(check_content(ask, *config, find).error().is_temporary());
  ask.milliseconds_left = 3000;
  auto findings = check_content(ask, *config, find);
  REQUIRE(findings);
  CHECK(findings->milliseconds_left <= 3000);
}
