#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A service of kind lmtp.
struct LmtpStage : Stage {
  explicit LmtpStage(std::vector<std::string> settings = {}) : Stage(with_service(settings)) {
    own_service = "delivery";
  }
  static std::vector<std::string> with_service(std::vector<std::string> settings) {
    settings.emplace_back("service.delivery.kind=lmtp");
    return settings;
  }
};

Fate fate(std::uint16_t code, std::string status, std::string text) {
  Fate made;
  made.code = code;
  made.status = std::move(status);
  made.text = std::move(text);
  return made;
}

const char* const two_recipients = R"(
  S: 220 mail.example.com LMTP Pennypost
  C: LHLO client.example
  S* 250
  C: MAIL FROM:<ann@client.example>
  S: 250 2.1.0 Ok
  C: RCPT TO:<bob@example.com>
  S: 250 2.1.5 Ok
  C: RCPT TO:<carol@example.com>
  S: 250 2.1.5 Ok
)";

}  // namespace

TEST_CASE("LMTP begins with LHLO, announces what SMTP does but ETRN, and knows no HELO and EHLO") {
  LmtpStage stage({"fast_flush_domains=example.com"});
  CHECK(stage.run(R"(
    S: 220 mail.example.com LMTP Pennypost
    C: EHLO client.example
    S: 500 5.5.2 Error: this is LMTP; say LHLO
    C: HELO client.example
    S: 500 5.5.2 Error: this is LMTP; say LHLO
    C: MAIL FROM:<a@client.example>
    S: 503 5.5.1 Error: send LHLO first
    C: LHLO
    S: 501 Syntax: LHLO hostname
    C: LHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-CHUNKING
    S: 250 HELP
    C: ETRN example.com
    S: 500 5.5.2 Error: command not recognized
    C: HELP
    S: 214-2.0.0 Commands: AUTH BDAT DATA HELP LHLO MAIL NOOP QUIT RCPT RSET STARTTLS VRFY
    S~ 214 2.0.0
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
}

TEST_CASE("SMTP has no LHLO") {
  Stage stage;
  CHECK(stage.run(R"(
    S~ 220
    C: LHLO client.example
    S: 500 5.5.2 Error: command not recognized
  )") == "");
}

TEST_CASE("each RCPT that was accepted has a reply after the dot, in order, and no other") {
  LmtpStage stage;
  stage.backend.fates["carol@example.com"] = fate(452, "4.2.2", "<carol@example.com>: full");
  stage.backend.fates["dave@example.com"] = fate(550, "5.1.1", "<dave@example.com>: gone");
  stage.backend.judge = [](std::string_view, const CheckRecipient& about, auto& verdict) {
    CHECK(about.is_lmtp);
    if (about.recipient != "eve@example.com") return;
    verdict.code = 550;
    verdict.status = "5.1.1";
    verdict.text = "no eve";
  };
  CHECK(stage.run(std::string(two_recipients) + R"(
    C: RCPT TO:<eve@example.com>
    S: 550 5.1.1 no eve
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: RCPT TO:<dave@example.com>
    S: 250 2.1.5 Ok
    C> DATA\r\n
    S~ 354
    C> Subject: x\r\n\r\ntext\r\n.\r\nRSET\r\n
    S: 250 2.0.0 Ok: delivered
    S: 452 4.2.2 <carol@example.com>: full
    S: 250 2.0.0 Ok: delivered
    S: 550 5.1.1 <dave@example.com>: gone
    S: 250 2.0.0 Ok
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  REQUIRE(stage.backend.messages.size() == 1);
  CHECK(stage.backend.messages[0].envelope.protocol == "LMTP");
  CHECK(stage.backend.messages[0].envelope.recipients.size() == 3);
  CHECK(stage.backend.content().find("with LMTP id QUEUEID") != std::string::npos);
}

TEST_CASE("what refuses a message as a whole refuses it to each recipient") {
  const std::string begin = two_recipients;
  SUBCASE("what is wrong with the content") {
    LmtpStage stage({"message_size_limit=100"});
    CHECK(stage.run(begin + "C: DATA\nS~ 354\nC: " + std::string(200, 'x') + R"(
      C: .
      S: 552 5.3.4 Error: message file too big
      S: 552 5.3.4 Error: message file too big
      C: NOOP
      S: 250 2.0.0 Ok
    )") == "");
  }
  SUBCASE("the queue") {
    LmtpStage stage;
    stage.backend.is_disk_full = true;
    CHECK(stage.run(begin + R"(
      C: DATA
      S~ 354
      C: x
      C: .
      S: 452 4.3.1 Insufficient system storage
      S: 452 4.3.1 Insufficient system storage
      C: NOOP
      S: 250 2.0.0 Ok
    )") == "");
  }
  SUBCASE("BDAT LAST, too, and after a chunk that was refused") {
    LmtpStage stage({"message_size_limit=100"});
    CHECK(stage.run(begin + R"(
      C> BDAT 4\r\nx\r\na
      S: 250 2.0.0 Ok: 4 bytes
      C> BDAT 3 LAST\r\nb\nc
      S: 550 5.5.2 Error: bare <LF> received
      S: 550 5.5.2 Error: bare <LF> received
      S!
    )") == "");
  }
  SUBCASE("a list for DATA refuses the command once, and BDAT LAST to each") {
    LmtpStage stage({"smtpd_data_restrictions=reject"});
    stage.backend.refused_list = "smtpd_data_restrictions";
    CHECK(stage.run(begin + R"(
      C: DATA
      S: 554 5.7.1 no
      C> BDAT 3 LAST\r\nabc
      S: 554 5.7.1 no
      S: 554 5.7.1 no
      C: NOOP
      S: 250 2.0.0 Ok
    )") == "");
  }
}

TEST_CASE("what is held or discarded is answered at once, to each recipient") {
  LmtpStage stage;
  const char* rest = R"(
    C: DATA
    S~ 354
    C: x
    C: .
    S: 250 2.0.0 Ok: queued as QUEUEID
    S: 250 2.0.0 Ok: queued as QUEUEID
    C: NOOP
    S: 250 2.0.0 Ok
  )";
  stage.backend.fates["bob@example.com"] = fate(452, "4.2.2", "not to be asked");
  stage.backend.is_holding = true;
  CHECK(stage.run(std::string(two_recipients) + rest) == "");
  REQUIRE(stage.backend.messages.size() == 1);
  CHECK(stage.backend.messages[0].envelope.is_held);
  stage.backend.is_holding = false;
  stage.backend.is_discarding = true;
  CHECK(stage.run(std::string(two_recipients) + rest) == "");
  CHECK(stage.backend.messages.size() == 1);
}

TEST_CASE("DATA without a recipient has one reply in LMTP as well") {
  LmtpStage stage;
  CHECK(stage.run(R"(
    S~ 220
    C: LHLO client.example
    S* 250
    C: MAIL FROM:<>
    S: 250 2.1.0 Ok
    C: DATA
    S: 554 5.5.1 Error: no valid recipients
    C: NOOP
    S: 250 2.0.0 Ok
  )") == "");
}
