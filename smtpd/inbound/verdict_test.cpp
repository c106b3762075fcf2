// What a session does with the verdicts of access tables and restrictions.
#include <doctest/doctest.h>

#include <algorithm>

#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const char* const message = R"(
  S: 220 mail.example.com ESMTP Pennypost
  C: EHLO client.example
  S* 250
  C: MAIL FROM:<ann@client.example>
  S: 250 2.1.0 Ok
  C: RCPT TO:<bob@example.com>
  S: 250 2.1.5 Ok
  C: RCPT TO:<carol@example.com>
  S: 250 2.1.5 Ok
  C: DATA
  S: 354 End data with <CR><LF>.<CR><LF>
  C: Subject: hello
  C:
  C: .
  S~ 250 2.0.0 Ok: queued as
)";

bool logged(const Stage& stage, std::string_view part) {
  auto lines = stage.log.lines();
  return std::ranges::any_of(
      lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("REDIRECT of a table sends a message to one address, BCC to one more without reports") {
  Stage stage;
  stage.backend.judge = [](std::string_view, const CheckRecipient& about,
                           CheckRecipient::Verdict& verdict) {
    if (about.recipient != "bob@example.com") return;
    verdict.redirect = "boss@example.com";
    verdict.bcc = {"archive", "archive"};
    verdict.notes = {{"redirect", "<bob@example.com>: Recipient address triggers REDIRECT", 0, ""}};
  };
  CHECK(stage.run(message) == "");
  REQUIRE(stage.backend.messages.size() == 1);
  const auto& recipients = stage.backend.messages[0].envelope.recipients;
  REQUIRE(recipients.size() == 2);
  CHECK(recipients[0].address == "boss@example.com");
  CHECK(recipients[1].address == "archive@mail.example.com");
  CHECK(recipients[1].notify == notify_never);
  CHECK(recipients[0].number != recipients[1].number);
  CHECK(logged(stage,
               "NOQUEUE: redirect: RCPT from client.example[198.51.100.9]: <bob@example.com>: "
               "Recipient address triggers REDIRECT; from=<ann@client.example> "
               "to=<bob@example.com> proto=ESMTP helo=<client.example>"));
}

TEST_CASE("of a message that will be thrown away no further recipient is asked about") {
  Stage stage;
  stage.backend.judge = [](std::string_view, const CheckRecipient&,
                           CheckRecipient::Verdict& verdict) { verdict.discard = true; };
  CHECK(stage.run(message) == "");
  CHECK(stage.backend.asked.size() == 1);
  CHECK(stage.backend.messages.empty());
}

TEST_CASE("what defer_if_permit said at an earlier stage is told at RCPT, until it is said anew") {
  Stage stage({"smtpd_delay_reject=no", "smtpd_client_restrictions=permit",
               "smtpd_helo_restrictions=permit", "smtpd_sender_restrictions=permit"});
  stage.backend.judge = [](std::string_view list, const CheckRecipient& about,
                           CheckRecipient::Verdict& verdict) {
    verdict.deferral = about.deferral;
    bool is_asked = (list == "smtpd_client_restrictions" && about.client_name == "late.example") ||
                    (list == "smtpd_helo_restrictions" && about.helo == "late") ||
                    (list == "smtpd_sender_restrictions" && about.sender == "late@a.example");
    if (is_asked) verdict.deferral = {450, "4.7.0", std::string(list)};
  };
  CHECK(stage.run(R"(
    S* 220
    C: EHLO late
    S* 250
    C: MAIL FROM:<ann@a.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: EHLO early
    S* 250
    C: MAIL FROM:<late@a.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: RSET
    S* 250
    C: MAIL FROM:<ann@a.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
  )") == "");
  const auto& asked = stage.backend.asked;
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].deferral.text == "smtpd_helo_restrictions");
  CHECK(asked[1].deferral.text == "smtpd_sender_restrictions");
  CHECK(asked[2].deferral.code == 0);

  stage.backend.name = "late.example";
  CHECK(stage.run(message) == "");
  CHECK(stage.backend.asked.back().deferral.text == "smtpd_client_restrictions");
}

TEST_CASE("a session sleeps as long as a restriction wants, and sees who does not wait") {
  Stage stage({"smtpd_delay_reject=no", "smtpd_client_restrictions=permit"});
  bool is_early = false;
  stage.backend.judge = [&](std::string_view list, const CheckRecipient& about,
                            CheckRecipient::Verdict& verdict) {
    if (list.empty()) return;
    verdict.sleep_seconds = about.sleeps == 0 ? 1 : 0;
    is_early = about.is_pipelining_early;
  };
  auto began = stage.loop.now();
  CHECK(stage.run("C: EHLO client.example\nS* 220\nS* 250\nC: QUIT\nS* 221\n") == "");
  CHECK(stage.loop.now() - began >= std::chrono::seconds(1));
  CHECK(is_early);
  CHECK(stage.run("S* 220\nC: QUIT\nS* 221\n") == "");
  CHECK(!is_early);
}

TEST_CASE("at DATA a message's only recipient is asked about, and none of several") {
  Stage stage({"smtpd_data_restrictions=permit"});
  std::vector<std::string> at_data;
  stage.backend.judge = [&](std::string_view list, const CheckRecipient& about,
                            CheckRecipient::Verdict&) {
    if (list == "smtpd_data_restrictions") at_data.push_back(about.recipient);
  };
  CHECK(stage.run(message) == "");
  CHECK(stage.run(R"(
    S* 220
    C: EHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S* 250
    C: RCPT TO:<bob@example.com>
    S* 250
    C: DATA
    S* 354
    C: .
    S* 250
  )") == "");
  CHECK(at_data == std::vector<std::string>{"", "bob@example.com"});
}

TEST_CASE("refusals bear the footer of the settings, or of a table, on the wire alone") {
  Stage stage({"smtpd_reject_footer=\\c Ask $client_name at\\n$server_name.",
               "smtpd_reject_footer_maps=hash:/footers"});
  stage.backend.footers["554 5.7.1 <x@dest.example>: Relay access denied"] = "$recipient? No.";
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO client.example
    S* 250
    C: RCPT TO:<bob@example.com>
    S: 503-5.5.1 Error: need MAIL command Ask client.example at
    S: 503 5.5.1 mail.example.com.
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@dest.example>
    S: 554-5.7.1 <x@dest.example>: Relay access denied
    S: 554 5.7.1 x@dest.example? No.
  )") == "");
  CHECK(logged(stage, "554 5.7.1 <x@dest.example>: Relay access denied; from=<ann"));
}

TEST_CASE("XCLIENT makes another client of a trusted one, from the greeting on") {
  Stage stage({"smtpd_authorized_xclient_hosts=198.51.100.9", "mynetworks=192.0.2.0/24"});
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO proxy.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-CHUNKING
    S: 250-XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT
    S: 250 HELP
    C: XCLIENT NAME=a..b
    S: 501 5.5.4 Bad NAME value: a..b
    C: XCLIENT NAME=spike.example.org REVERSE_NAME=spike.example.org ADDR=192.0.2.9 LOGIN=ann
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO spike.example.org
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: XCLIENT ADDR=[UNAVAILABLE]
    S: 503 5.5.1 Error: MAIL transaction in progress
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: RSET
    S: 250 2.0.0 Ok
    C: XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL] LOGIN=[UNAVAILABLE]
    S: 220 mail.example.com ESMTP Pennypost
    C: HELO x
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
  )") == "");
  const auto& asked = stage.backend.asked;
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].client_name == "spike.example.org");
  CHECK(asked[0].client_address == "192.0.2.9");
  CHECK(asked[0].is_in_mynetworks);
  CHECK(asked[0].is_authenticated);
  CHECK(asked[0].sasl_username == "ann");
  CHECK(asked[1].client_address == "unknown");
  CHECK(asked[1].client_name == "unknown");
  CHECK(asked[1].is_name_lookup_failed);
  CHECK(!asked[1].is_in_mynetworks);
  CHECK(!asked[1].is_own_address);
  CHECK(!asked[1].is_authenticated);
}

TEST_CASE("nobody else may use XCLIENT or XFORWARD, or is told of them") {
  Stage stage({"smtpd_authorized_xclient_hosts=198.51.100.8",
               "smtpd_authorized_xforward_hosts=198.51.100.8"});
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: HELP
    S: 214-2.0.0 Commands: AUTH BDAT DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY
    S* 214
    C: XCLIENT ADDR=192.0.2.7
    S: 550 5.7.0 Error: insufficient authorization
    C: XFORWARD NAME=x
    S: 550 5.7.0 Error: insufficient authorization
  )") == "");
}

TEST_CASE("XFORWARD names whose mail the next one is, in the log and for the next hop") {
  Stage stage({"smtpd_authorized_xforward_hosts=198.51.100.0/24"});
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO filter.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-CHUNKING
    S: 250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT
    S: 250 HELP
    C> XFORWARD NAME=spike.example.org ADDR=203.0.113.7\r\nXFORWARD HELO=spike IDENT=ABC\r\n
    S: 250 2.0.0 Ok
    S: 250 2.0.0 Ok
    C: XFORWARD PROTO=SMTP SOURCE=REMOTE
    S: 250 2.0.0 Ok
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: XFORWARD NAME=other.example
    S: 503 5.5.1 Error: MAIL transaction in progress
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S* 354
    C: .
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S* 354
    C: .
    S* 250
  )") == "");
  REQUIRE(stage.backend.messages.size() == 2);
  const auto& first = stage.backend.messages[0].envelope;
  CHECK(first.client_name == "spike.example.org");
  CHECK(first.client_address == "203.0.113.7");
  CHECK(first.helo == "spike");
  CHECK(first.protocol == "SMTP");
  CHECK(stage.backend.messages[1].envelope.client_name == "client.example");
  CHECK(logged(stage,
               "client=client.example[198.51.100.9], orig_queue_id=ABC, "
               "orig_client=spike.example.org[203.0.113.7]"));
  // What it may do is its own affair.
  CHECK(stage.backend.asked[0].client_address == "198.51.100.9");

  CHECK(stage.run(R"(
    S* 220
    C: EHLO filter.example
    S* 250
    C: XFORWARD NAME=spike.example.org
    S: 250 2.0.0 Ok
    C: RSET
    S: 250 2.0.0 Ok
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: DATA
    S* 354
    C: .
    S* 250
  )") == "");
  CHECK(stage.backend.messages.back().envelope.client_name == "client.example");
}

TEST_CASE("ETRN has a domain's mail sent, if policy allows it") {
  Stage stage({"fast_flush_domains=relayed.example"});
  stage.backend.judge = [](std::string_view list, const CheckRecipient& about,
                           CheckRecipient::Verdict& verdict) {
    if (list != "smtpd_etrn_restrictions" || about.etrn_domain == "relayed.example") return;
    verdict.code = 459;
    verdict.status = "4.7.0";
    verdict.text = "<" + about.etrn_domain + ">: service unavailable";
  };
  CHECK(stage.run(R"(
    S: 220 mail.example.com ESMTP Pennypost
    C: EHLO client.example
    S: 250-mail.example.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250-CHUNKING
    S: 250-ETRN
    S: 250 HELP
    C: ETRN
    S: 500 5.5.4 Syntax: ETRN domain
    C: ETRN a..b
    S: 501 5.5.4 Error: invalid parameter syntax
    C: ETRN other.example
    S: 459 4.7.0 <other.example>: service unavailable
    C: ETRN @Relayed.example
    S: 250 2.0.0 Queuing started
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: ETRN relayed.example
    S: 503 5.5.1 Error: MAIL transaction in progress
  )") == "");
  CHECK(stage.backend.flushed == std::vector<std::string>{"relayed.example"});
}

TEST_CASE("a message bears content_filter, or what FILTER of a table says last") {
  Stage plain;
  CHECK(plain.run(message) == "");
  CHECK(plain.backend.messages.at(0).envelope.filter.empty());
  Stage stage({"content_filter=smtp:[127.0.0.1]:10024"});
  CHECK(stage.run(message) == "");
  CHECK(stage.backend.messages.at(0).envelope.filter == "smtp:[127.0.0.1]:10024");
  Stage judged({"content_filter=smtp:[127.0.0.1]:10024"});
  judged.backend.judge = [](std::string_view, const CheckRecipient& about,
                            CheckRecipient::Verdict& verdict) {
    if (about.recipient == "bob@example.com") verdict.filter = "scan:[127.0.0.1]:10026";
  };
  CHECK(judged.run(message) == "");
  CHECK(judged.backend.messages.at(0).envelope.filter == "scan:[127.0.0.1]:10026");
  Stage checked({"content_filter=smtp:[127.0.0.1]:10024", "header_checks=inline:{a=b}"});
  checked.backend.header_actions["Subject: hello"] = "FILTER scan:other";
  CHECK(checked.run(message) == "");
  CHECK(checked.backend.messages.at(0).envelope.filter == "scan:other");
}
