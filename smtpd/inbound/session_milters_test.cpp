// Milters in a session: what they hear and change of a client's mail, and what the client is told.
#include <doctest/doctest.h>

#include <algorithm>

#include "smtpd/inbound/testing.h"
#include "smtpd/milter/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

using namespace std::string_literals;

const std::string envelope_lines =
    "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<ann@client.example>\nS~ 250\n"
    "C: RCPT TO:<bob@example.com>\nS~ 250\nC: RCPT TO:<carol@example.com>\nS~ 250\n"
    "C: DATA\nS~ 354\nC: Subject: x\nC:\nC: text\n";
const std::string taken = "C: .\nS: 250 2.0.0 Ok: queued as QUEUEID\nC: QUIT\nS~ 221\n";

/// A session whose one milter a test plays.
struct WithMilter {
  explicit WithMilter(std::vector<std::string> settings = {"smtpd_milters=inet:127.0.0.1:1"})
      : stage(std::move(settings)) {
    stage.backend.play_milter = [this](std::uint32_t) { return milter.connect(); };
  }
  bool has_heard(const std::string& event) const {
    return std::ranges::find(milter.heard, event) != milter.heard.end();
  }
  const Envelope& envelope() const { return stage.backend.messages.back().envelope; }
  bool has_logged(std::string_view part) const {
    return std::ranges::any_of(
        stage.log.lines(), [&](const std::string& line) { return line.find(part) != line.npos; });
  }

  Stage stage;
  FakeMilter milter{stage.loop};
};

}  // namespace

TEST_CASE("a milter sees a message as it will be sent, without our Received") {
  WithMilter with(
      {"smtpd_milters=inet:127.0.0.1:1", "mynetworks=198.51.100.9", "message_drop_headers=bcc"});
  CHECK(with.stage.run(
            "S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<old@client.example> SIZE=9\nS~ 250\n"
            "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: From: ann@client.example\n"
            "C: Bcc: eve@example.com\nC:\nC: text\n" +
            taken) == "");
  CHECK(with.has_heard("M<old@client.example>|SIZE=9|"));
  CHECK(with.has_heard("LFrom|ann@client.example|"));
  CHECK(with.has_heard("Btext\r\n"));
  auto heard_field = [&](std::string_view name) {
    return std::ranges::any_of(with.milter.heard, [&](const std::string& event) {
      return event.starts_with("L" + std::string(name) + "|");
    });
  };
  CHECK(heard_field("Date"));
  CHECK(heard_field("Message-ID"));
  CHECK_FALSE(heard_field("Received"));
  CHECK_FALSE(heard_field("Bcc"));
  CHECK(
      with.has_heard("DRi|QUEUEID|{rcpt_addr}|bob@example.com|{rcpt_host}|example.com|"
                     "{rcpt_mailer}|local|"));
}

TEST_CASE("what a milter changes of a message is what is queued") {
  WithMilter with;
  with.milter.answers['E'] =
      milter_answer('h', "X-New\0one\0"s) + milter_answer('b', "a new\r\nbody") +
      milter_answer('-', "<bob@example.com>\0"s) + milter_answer('+', "<dave@example.com>\0"s) +
      milter_answer('e', "<>\0"s) + milter_answer('q', "odd\0"s) + milter_answer('c');
  CHECK(with.stage.run(envelope_lines + taken) == "");
  CHECK(with.stage.backend.content_as_sent() == "Subject: x\nX-New: one\n\na new\nbody\n");
  CHECK(with.envelope().sender == "");
  CHECK(with.envelope().is_held);
  REQUIRE(with.envelope().recipients.size() == 2);
  CHECK(with.envelope().recipients[0].address == "carol@example.com");
  CHECK(with.envelope().recipients[1].address == "dave@example.com");
  CHECK(with.envelope().recipients[1].notify == notify_never);
  CHECK(
      with.has_logged("QUEUEID: milter-hold: END-OF-MESSAGE from client.example[198.51.100.9]: "
                      "odd; from=<"));
}

TEST_CASE("a new body follows a header that had no empty line, and a large one is in a file") {
  WithMilter with;
  std::string piece(60000, 'y');
  for (int pieces : {1, 30}) {
    CAPTURE(pieces);
    std::string answers;
    for (int i = 0; i < pieces; ++i) answers += milter_answer('b', piece + "\r\n");
    with.milter.answers['E'] = answers + milter_answer('c');
    CHECK(with.stage.run("S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<>\nS~ 250\n"
                         "C: RCPT TO:<bob@example.com>\nS~ 250\nC: DATA\nS~ 354\nC: Subject: x\n"
                         "C: no field\n" +
                         taken) == "");
    std::string body;
    for (int i = 0; i < pieces; ++i) body += piece + "\n";
    CHECK(with.stage.backend.content_as_sent() == "Subject: x\n\n" + body);
    CHECK(with.envelope().body_is_file == (pieces > 1));
  }
}

TEST_CASE("a milter's refusal is the client's at the command that it answers to") {
  struct Row {
    char event;
    std::string script;
  };
  std::string hello = "S~ 220\nC: EHLO c.example\nS* 250\n";
  std::string mail = hello + "C: MAIL FROM:<ann@client.example>\nS~ 250\n";
  std::string rcpt = mail + "C: RCPT TO:<bob@example.com>\nS~ 250\n";
  std::string no = "S: 550-5.7.1 one\nS: 550 5.7.1 two\nC: QUIT\nS~ 221\n";
  for (const Row& row :
       {Row{'C', hello + "C: MAIL FROM:<ann@client.example>\n" + no},
        Row{'H', hello + "C: MAIL FROM:<ann@client.example>\n" + no},
        Row{'M', hello + "C: MAIL FROM:<ann@client.example>\n" + no},
        Row{'R', mail + "C: RCPT TO:<bob@example.com>\n" + no}, Row{'T', rcpt + "C: DATA\n" + no},
        Row{'E', rcpt + "C: DATA\nS~ 354\nC: Subject: x\nC:\nC: .\n" + no},
        Row{'U', hello + "C: NONSENSE\n" + no}}) {
    CAPTURE(row.event);
    WithMilter with;
    with.milter.answers[row.event] = milter_answer('y', "550-5.7.1 one\r\n550 5.7.1 two\0"s);
    CHECK(with.stage.run(row.script) == "");
    CHECK(with.stage.backend.messages.empty());
    CHECK(with.has_logged("milter-reject: ") == (row.event != 'U'));
  }
}

TEST_CASE("a 421 of a milter ends the session, even in answer to the connection") {
  for (char event : {'C', 'H'}) {
    CAPTURE(event);
    WithMilter with;
    with.milter.answers[event] = milter_answer('y', "421 4.7.0 go away\0"s);
    std::string hello = event == 'C' ? "" : "S~ 220\nC: EHLO c.example\n";
    CHECK(with.stage.run(hello + "S: 421 4.7.0 go away\nS!\n") == "");
  }
}

TEST_CASE("smtpd_milter_maps choose the milters of a client; no_milters leaves all out") {
  WithMilter with({"smtpd_milter_maps=inline:{a=b}", "smtpd_milters=inet:127.0.0.1:1"});
  CHECK(with.stage.run(envelope_lines + taken) == "");
  CHECK(with.milter.connections == 0);
  with.stage.backend.milter_maps["198.51.100.9"] = {"inet:127.0.0.1:2", "inet:127.0.0.1:3"};
  CHECK(with.stage.run(envelope_lines + taken) == "");
  CHECK(with.milter.connections == 2);

  WithMilter without({"smtpd_milters=inet:127.0.0.1:1", "receive_override_options=no_milters"});
  CHECK(without.stage.run(envelope_lines + taken) == "");
  CHECK(without.milter.connections == 0);
}

TEST_CASE("a milter hears of refused recipients only if it wants to") {
  for (bool wants : {false, true}) {
    CAPTURE(wants);
    WithMilter with;
    if (wants) {
      with.milter.offer = milter_offer_data(6, milter_actions::all, milter_events::rejected_rcpt);
    }
    CHECK(with.stage.run("S~ 220\nC: EHLO c.example\nS* 250\nC: MAIL FROM:<ann@client.example>\n"
                         "S~ 250\nC: RCPT TO:<bob@other.example>\nS~ 554\nC: QUIT\nS~ 221\n") ==
          "");
    CHECK(with.has_heard("R<bob@other.example>|") == wants);
    CHECK(with.has_heard("DRi|QUEUEID|{rcpt_addr}|<bob@other.example>: Relay access "
                         "denied|{rcpt_host}|5.7.1|{rcpt_mailer}|error|") == wants);
  }
}

TEST_CASE("milter_header_checks see the fields that milters add, and no others") {
  WithMilter with({"smtpd_milters=inet:127.0.0.1:1", "milter_header_checks=inline:{a=b}"});
  with.stage.backend.header_actions = {
      {"X-Spam: yes", "HOLD spam"}, {"X-Gone: 1", "IGNORE"}, {"X-Old: 1", "REPLACE X-Renamed: 2"}};
  with.milter.answers['E'] = milter_answer('h', "X-Spam\0yes\0"s) +
                             milter_answer('h',
                                           "X-Gone\0"
                                           "1\0"s) +
                             milter_answer('m',
                                           "\0\0\0\1X-Old\0"
                                           "1\0"s) +
                             milter_answer('c');
  CHECK(with.stage.run(envelope_lines + taken) == "");
  CHECK(with.stage.backend.content_as_sent() == "Subject: x\nX-Spam: yes\nX-Renamed: 2\n\ntext\n");
  CHECK(with.envelope().is_held);
  CHECK(with.has_logged("milter-header-hold: header X-Spam: yes from client.example"));
  CHECK(with.stage.backend.checked_headers.size() == 3);

  with.stage.backend.header_actions["X-Spam: yes"] = "REJECT 5.7.1 no spam";
  CHECK(with.stage.run(envelope_lines + "C: .\nS: 550 5.7.1 no spam\nC: QUIT\nS~ 221\n") == "");
}
