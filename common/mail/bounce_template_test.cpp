#include "common/mail/bounce_template.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace pennypost;

namespace {

bool knows(std::string_view name) { return name == "myhostname" || name == "mail_name"; }

std::string problem(const std::string& text) {
  auto parsed = parse_bounce_templates(text, "f", knows);
  return parsed ? "" : parsed.error().text();
}

std::string failure(const std::string& inside) {
  return "failure_template = <<EOF\n" + inside + "EOF\n";
}

}  // namespace

TEST_CASE("a template replaces a report's words, and those that are not there keep theirs") {
  auto parsed = parse_bounce_templates(
      "# ours\n\nfailure_template = <<THE END\nCharset: iso-8859-1\n"
      "From: postmaster (Die Post)\nSubject: =?utf-8?Q?Unzustellbar?=\n"
      "Postmaster-Subject: Copy\n\nHier ist $myhostname; f\xfcr ${mail_name}.\n\nEOF\nTHE END\n",
      "f", knows);
  REQUIRE(parsed);
  CHECK(parsed->failure.from_name == "Die Post");
  CHECK(parsed->failure.from_address == "postmaster");
  CHECK(parsed->failure.subject == "=?utf-8?Q?Unzustellbar?=");
  CHECK(parsed->failure.postmaster_subject == "Copy");
  CHECK(parsed->failure.text == "Hier ist $myhostname; f\xc3\xbcr ${mail_name}.\n\nEOF\n");
  CHECK(parsed->delay.text == built_in_templates().delay.text);
  CHECK(parse_bounce_templates("", "f", knows)->failure.subject ==
        "Undelivered Mail Returned to Sender");
}

TEST_CASE("what is printed of the templates is read again as the same") {
  auto text = bounce_templates_text(built_in_templates());
  auto parsed = parse_bounce_templates(text, "f", knows);
  REQUIRE(parsed);
  CHECK(bounce_templates_text(*parsed) == text);
  auto filled = filled_bounce_texts(*parsed, [](std::string_view) { return "mx.example"; });
  CHECK(filled.starts_with(
      "expanded_failure_text = <<EOF\nThis is the mail system at host mx.example.\n"));
  CHECK(filled.find("expanded_verify_text = <<EOF\n") != std::string::npos);
}

TEST_CASE("a sender without a domain is written so that a report's header can bear it") {
  auto parsed = parse_bounce_templates(failure("From: <\"mail er\">\n\nt\n"), "f", knows);
  REQUIRE(parsed);
  CHECK(parsed->failure.from_address == "\"mail er\"");
}

TEST_CASE("a text with a line EOF is printed with another mark") {
  auto parsed = parse_bounce_templates("failure_template = <<END\n\na\nEOF\nb\nEND\n", "f", knows);
  REQUIRE(parsed);
  auto again = parse_bounce_templates(bounce_templates_text(*parsed), "f", knows);
  REQUIRE(again);
  CHECK(again->failure.text == "a\nEOF\nb\n");
  auto filled = filled_bounce_texts(*parsed, [](std::string_view) { return "x"; });
  CHECK(filled.starts_with("expanded_failure_text = <<EOF_\na\nEOF\nb\nEOF_\n"));
}

TEST_CASE("a mistake in a template is named with its file and line") {
  const std::string head = "Subject: x\n\n";
  for (const auto& [given, expected] : std::vector<std::pair<std::string, std::string>>{
           {"\nfailure_text = <<EOF\n", "f:2: unknown template \"failure_text\""},
           {"failure_template = text\n", "f:1: write failure_template = <<EOF"},
           {"failure_template = <<\n", "f:1: write failure_template = <<EOF"},
           {"failure_template\n", "f:1: write failure_template = <<EOF"},
           {"#\nfailure_template = <<EOF\nSubject: x\n", "f:2: no line \"EOF\" ends"},
           {failure("Subject x\n\nt\n"), "f:2: a template begins with Charset:"},
           {failure("To: x\n\nt\n"), "f:2: a template begins with Charset:"},
           {failure("Subject:\n\nt\n"), "f:2: a value is missing"},
           {failure("Subject: \xc3\xbc\n\nt\n"), "f:2: write non-ASCII words"},
           {failure("Subject: a\x01z\n\nt\n"), "f:2: a control character"},
           {failure("From: a@b, c@d\n\nt\n"), "f:2: From: needs one address"},
           {failure("From: a@[b\n\nt\n"), "f:2: From: "},
           {failure("From: Name <>\n\nt\n"), "f:2: From: Bad address syntax: no address, such as"},
           {failure("From: \"\"\n\nt\n"), "f:2: From: Bad address syntax: no address"},
           {failure("From: Name = <<E\n\nt\n"), "f:2: From: Bad address syntax"},
           {failure("Subject: x\n"), "f:3: the template has no text"},
           {failure(head), "f:4: the template has no text"},
           {failure(head + "one\n\xc3\xbc\n"), "f:5: text that is not ASCII needs its charset"},
           {failure("Charset: utf-8\n\n\xff\n"), "f:4: the text is not UTF-8"},
           {failure("Charset: klingon\n\nx\n"), "f:4: unknown charset klingon"},
           {failure(head + "$nobody\n"), "f:4: $nobody is no setting"},
           {failure(head + "${myhostname:$nobody}\n"), "f:4: $nobody is no setting"},
           {failure(head + std::string(999, 'x') + "\n"), "f:4: the line is longer"},
           {failure(head + "t\n") + failure(head + "t\n"), "f:6: failure_template stands twice"},
       }) {
    const std::string text = given;
    CAPTURE(text);
    CHECK(problem(text).starts_with(expected));
  }
  std::string long_text = head;
  for (int i = 0; i < 10; ++i) long_text += std::string(900, 'x') + "\n";
  CHECK(problem(failure(long_text)) == "f:4: the text is longer than 8192 bytes");
  CHECK(problem(failure(head + "$$5, $myhostname, a lone $ and ${mail_name?yes}\n")).empty());
}
