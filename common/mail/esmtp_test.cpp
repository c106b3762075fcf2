#include "common/mail/esmtp.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("MAIL is an address and parameters") {
  auto command = parse_mail_command(
      "from:<\"a >b\"@example.net> SIZE=1000 body=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>");
  REQUIRE(command);
  CHECK(command->sender.local() == "a >b");
  CHECK(command->size == 1000);
  CHECK(command->body == BodyType::EightBitMime);
  CHECK(command->smtputf8);
  CHECK(command->ret == DsnReturn::Headers);
  CHECK(command->envid == "a+b");
  CHECK(command->submitter->is_null());
  CHECK(command->given.size() == 6);
  CHECK(parse_mail_command("FROM:<>")->sender.is_null());
  CHECK(parse_mail_command("FROM: <ann@b.example> ")->sender.text() == "ann@b.example");
  CHECK(parse_mail_command("FROM:ann@b.example SIZE=1")->size == 1);
  CHECK(parse_mail_command("FROM:<a@b> SIZE=99999999999999999999")->size == UINT64_MAX);
  CHECK(parse_mail_command("FROM:<j\xc3\xb6@b.example> SMTPUTF8"));
  CHECK(parse_mail_command("FROM:<a@b> AUTH=e+3Dx@b.example")->submitter->local() == "e=x");
}

TEST_CASE("a MAIL that is wrong says in what") {
  struct Row {
    const char* arguments;
    int code;
    const char* status;
  };
  const Row rows[] = {
      {"", 501, "5.5.4"},
      {"TO:<a@b>", 501, "5.5.4"},
      {"FROM:", 501, "5.5.4"},
      {"FROM:<a@b>SIZE=1", 501, "5.5.4"},
      {"FROM:<a@b", 501, "5.1.7"},
      {"FROM:<a@>", 501, "5.1.7"},
      {"FROM:<j\xc3\xb6@b>", 501, "5.1.7"},
      {"FROM:<a@b> SIZE", 501, "5.5.4"},
      {"FROM:<a@b> SIZE=x", 501, "5.5.4"},
      {"FROM:<a@b> SIZE=", 501, "5.5.4"},
      {"FROM:<a@b> SIZE=1 size=2", 501, "5.5.4"},
      {"FROM:<a@b> =1", 501, "5.5.4"},
      {"FROM:<a@b> BODY=9BIT", 501, "5.5.4"},
      {"FROM:<a@b> RET=SOME", 501, "5.5.4"},
      {"FROM:<a@b> ENVID=+0A", 501, "5.5.4"},
      {"FROM:<a@b> SMTPUTF8=1", 501, "5.5.4"},
      {"FROM:<a@b> AUTH=a@@b", 501, "5.5.4"},
      {"FROM:<a@b> NOTIFY=NEVER", 555, "5.5.4"},
      {"FROM:<a@b> X-Y=1", 555, "5.5.4"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.arguments);
    auto command = parse_mail_command(row.arguments);
    REQUIRE_FALSE(command);
    CHECK(command.error().code() == row.code);
    CHECK(command.error().status() == EnhancedStatus::parse(row.status));
  }
}

TEST_CASE("RCPT is an address with NOTIFY and ORCPT") {
  auto command = parse_rcpt_command(
      "TO:<@x.example:bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@b", Utf8::Refused);
  REQUIRE(command);
  CHECK(command->recipient.text() == "bob@example.org");
  CHECK(command->notify.text() == "SUCCESS,DELAY");
  CHECK(command->orcpt->address == "bob@b");
  CHECK(parse_rcpt_command("TO:<postmaster>", Utf8::Refused));
  auto twice = parse_rcpt_command("TO:<user@dest@local>", Utf8::Refused);
  CHECK(twice.error().text() == "Bad recipient address syntax: domain");
  CHECK(parse_rcpt_command("TO:<>", Utf8::Refused).error().code() == 501);
  CHECK(parse_rcpt_command("TO:<a@b> SIZE=1", Utf8::Refused).error().code() == 555);
  CHECK(parse_rcpt_command("TO:<a@b> NOTIFY=X", Utf8::Refused).error().code() == 501);
}

TEST_CASE("REQUIRETLS has no value") {
  CHECK(parse_mail_command("FROM:<a@b.test> requiretls SIZE=1")->requires_tls);
  CHECK_FALSE(parse_mail_command("FROM:<a@b.test>")->requires_tls);
  CHECK(parse_mail_command("FROM:<a@b.test> REQUIRETLS=1").error().code() == 501);
}

TEST_CASE("XVERP may have two delimiters, be they what no other value may have") {
  CHECK(*parse_mail_command("FROM:<a@b.test> XVERP")->verp == "");
  CHECK(*parse_mail_command("FROM:<a@b.test> xverp=+= SIZE=1")->verp == "+=");
  CHECK(*parse_mail_command("FROM:<a@b.test> XVERP=-+")->verp == "-+");
  CHECK_FALSE(parse_mail_command("FROM:<a@b.test>")->verp);
  for (const char* wrong : {"XVERP=", "XVERP=+", "XVERP=+=-", "SIZE=+=", "ENVID=a="}) {
    CAPTURE(wrong);
    auto command = parse_mail_command("FROM:<a@b.test> " + std::string(wrong));
    REQUIRE_FALSE(command);
    CHECK(command.error().code() == 501);
  }
}
