#include "common/log/line_form.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace pennypost;

namespace {

// 2026-11-29 07:40:40.123456 UTC
constexpr std::int64_t then = 1'795'938'040'123'456;

LogLineHead head_of(std::string_view program, std::string_view severity = "info") {
  LogLineHead head;
  head.microseconds = then;
  head.host = "mail";
  head.program = program;
  head.process = 71;
  head.severity = severity;
  return head;
}

}  // namespace

TEST_CASE("a line of JSON has time, host, program, pid, the queue id and the marked parts") {
  const std::string text = "4Zk2Qn1: from=<a@b>, size=2312 (queue active)";
  const std::array parts{LogPart{"from", 15, 3, false}, LogPart{"size", 26, 4, true}};
  CHECK(json_log_line(head_of("pennypost/qmgr"), "", text, parts) ==
        R"j({"time":"2026-11-29T07:40:40.123456Z","host":"mail","program":"pennypost/qmgr",)j"
        R"j("pid":71,"severity":"info","queue_id":"4Zk2Qn1","from":"a@b","size":2312,)j"
        R"j("message":"4Zk2Qn1: from=<a@b>, size=2312 (queue active)"})j");
}

TEST_CASE("what a client sends makes no field of JSON, and no second line") {
  const std::string text = R"(NOQUEUE: reject: helo=<x","status":"sent>)";
  const std::array parts{LogPart{"helo", 23, 17, false}};
  auto line = json_log_line(head_of("pennypost/smtpd"), "", text, parts);
  CHECK(line.find(R"("helo":"x\",\"status\":\"sent")") != std::string::npos);
  CHECK(line.find(R"(,"status":)") == std::string::npos);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(parse_log_line(line).text == text);
}

TEST_CASE("lines are read alike from text, from JSON, and from JSON behind syslog's tag") {
  const std::string text = "4Zk2Qn1: to=<bob@example.org>, status=sent (delivered to maildir)";
  const std::string plain = "Nov 29 07:40:40 mail pennypost/local[71]: " + text;
  const std::string json = json_log_line(head_of("pennypost/local"), "", text, {});
  for (const std::string& line :
       {plain, json, "Nov 29 07:40:40 mail pennypost/local[71]: " + json}) {
    CAPTURE(line);
    auto parsed = parse_log_line(line);
    CHECK(parsed.component == "local");
    CHECK(parsed.id == "4Zk2Qn1");
    CHECK(parsed.text == "to=<bob@example.org>, status=sent (delivered to maildir)");
    CHECK(queue_id_of(line) == "4Zk2Qn1");
    CHECK(message_id_of(line).empty());
  }
  CHECK(parse_log_line(plain).time == "Nov 29 07:40:40");
  CHECK(parse_log_line(json).time == "2026-11-29T07:40:40.123456Z");
  CHECK(parse_log_line("Nov 29 07:40:40 mail kernel: it rains").component.empty());
  CHECK(queue_id_of("Nov 29 07:40:40 mail pennypost/master[1]: smtpd: daemon started").empty());
}

TEST_CASE("a warning says so in JSON as a severity and in the text") {
  auto line = json_log_line(head_of("pennypost/smtpd", "warning"), "warning: ", "it rains", {});
  CHECK(line.find(R"("severity":"warning")") != std::string::npos);
  CHECK(parse_log_line(line).text == "warning: it rains");
}

TEST_CASE("what a user did with a message is known by its Message-ID in both forms") {
  const std::string text =
      "user=<bob>, session=<x>: expunge: box=INBOX, uid=7, msgid=<a1@b>, size=9";
  CHECK(message_id_of("Nov 29 07:40:40 mail pennypost/imap[71]: " + text) == "<a1@b>");
  CHECK(message_id_of("Nov 29 07:40:40 mail dovecot[71]: imap: " + text) == "<a1@b>");
  const std::array parts{LogPart{"msgid", text.find("<a1"), 6, false}};
  CHECK(message_id_of(json_log_line(head_of("pennypost/imap"), "", text, parts)) == "<a1@b>");
  CHECK(message_id_of("Nov 29 07:40:40 mail pennypost/smtpd[71]: x msgid=<a1@b>").empty());
}

TEST_CASE("a line of JSON is whole however long its text is") {
  const std::string text(2 * log_line_bytes_max, '"');
  const std::array parts{LogPart{"reason", 0, log_line_bytes_max, false}};
  auto line = json_log_line(head_of("pennypost/smtp"), "", text, parts);
  CHECK(line.size() <= log_line_bytes_max);
  CHECK(line.size() > log_line_bytes_max / 2);
  CHECK(line.ends_with("\"}"));
  CHECK(line.find("\"reason\"") == std::string::npos);
}
