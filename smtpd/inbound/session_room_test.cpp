#include "smtpd/inbound/session_testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const char* const hello = R"(
  S: 220 mail.example.com ESMTP Pennypost
  C: EHLO client.example
  S* 250
)";

const char* const small_content = "C: DATA\nS~ 354\nC: Subject: x\nC:\nC: 0123456789\nC: .\n";

}  // namespace

TEST_CASE("RCPT refuses a recipient whose mailbox has no room for what MAIL announces") {
  Stage stage;
  stage.backend.room_left = {{"bob@example.com", 1000}, {"carol@example.com", 0}};
  CHECK(stage.run(hello + std::string(R"(
    C: MAIL FROM:<ann@client.example> SIZE=1001
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 452 4.2.2 <bob@example.com>: Recipient address rejected: full
    C: RSET
    S: 250 2.0.0 Ok
    C: MAIL FROM:<ann@client.example> SIZE=1000
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: RCPT TO:<dora@example.com>
    S: 250 2.1.5 Ok
    C: RSET
    S: 250 2.0.0 Ok
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<carol@example.com>
    S: 552 5.2.2 <carol@example.com>: Recipient address rejected: full
  )") + quit_commands) == "");
  CHECK(stage.backend.rooms == std::vector<std::string>{"bob@example.com 1001",
                                                        "bob@example.com 1000",
                                                        "carol@example.com 1"});
}

TEST_CASE("content too large for its only recipient's mailbox is refused at its end") {
  Stage stage;
  stage.backend.room_left = {{"bob@example.com", 20}};
  CHECK(stage.run(envelope_commands + std::string(small_content) +
                  "S: 452 4.2.2 <bob@example.com>: Recipient address rejected: full\n" +
                  quit_commands) == "");
  CHECK(stage.backend.messages.empty());
  CHECK(logged(stage,
               "smtpd: QUEUEID: reject: END-OF-MESSAGE from client.example[198.51.100.9]: 452 "
               "4.2.2 <bob@example.com>: Recipient address rejected: full; "
               "from=<ann@client.example> to=<bob@example.com> proto=ESMTP "
               "helo=<client.example>"));
  stage.backend.room_left["bob@example.com"] = 2000;
  CHECK(stage.run(envelope_commands + std::string(small_content) + "S~ 250 2.0.0 Ok: queued\n" +
                  quit_commands) == "");
  // As it will be stored, with its Received field.
  CHECK(stage.backend.rooms.back() ==
        "bob@example.com " + std::to_string(stage.backend.messages.at(0).envelope.size()));
}

TEST_CASE("a message that one of its recipients has room for is taken for all of them") {
  const std::string to_two = envelope_commands + std::string(R"(
    C: RCPT TO:<carol@example.com>
    S: 250 2.1.5 Ok
  )");
  Stage stage;
  stage.backend.room_left = {{"bob@example.com", 20}, {"carol@example.com", 20}};
  SUBCASE("all are full: the reply is the temporary one") {
    CHECK(stage.run(to_two + small_content +
                    "S: 452 4.2.2 <bob@example.com>: Recipient address rejected: full\n" +
                    quit_commands) == "");
    CHECK(stage.backend.messages.empty());
  }
  SUBCASE("carol has room") {
    stage.backend.room_left["carol@example.com"] = 2000;
    CHECK(stage.run(to_two + small_content + "S~ 250 2.0.0 Ok: queued\n" + quit_commands) == "");
    CHECK(stage.backend.messages.at(0).envelope.recipients.size() == 2);
  }
  SUBCASE("carol has no quota") {
    stage.backend.room_left.erase("carol@example.com");
    CHECK(stage.run(to_two + small_content + "S~ 250 2.0.0 Ok: queued\n" + quit_commands) == "");
    CHECK(stage.backend.messages.at(0).envelope.recipients.size() == 2);
  }
}

TEST_CASE("content no larger than MAIL has announced is not asked about again") {
  Stage stage;
  stage.backend.room_left = {{"bob@example.com", 5000}};
  CHECK(stage.run(hello + std::string(R"(
    C: MAIL FROM:<ann@client.example> SIZE=5000
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
  )") + small_content +
                  "S~ 250 2.0.0 Ok: queued\n" + quit_commands) == "");
  CHECK(stage.backend.rooms == std::vector<std::string>{"bob@example.com 5000"});
}

TEST_CASE("mail is taken while nobody can say whether there is room") {
  Stage stage;
  stage.backend.room_left = {{"bob@example.com", 0}};
  stage.backend.is_room_unknown = true;
  CHECK(stage.run(envelope_commands + std::string(small_content) + "S~ 250 2.0.0 Ok: queued\n" +
                  quit_commands) == "");
}

TEST_CASE("LMTP leaves the content's size to the delivery, which answers for each recipient") {
  Stage stage({"service.delivery.kind=lmtp"});
  stage.own_service = "delivery";
  stage.backend.room_left = {{"bob@example.com", 20}};
  CHECK(stage.run(R"(
    S: 220 mail.example.com LMTP Pennypost
    C: LHLO client.example
    S* 250
    C: MAIL FROM:<ann@client.example>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
  )" + std::string(small_content) +
                  "S: 250 2.0.0 Ok: delivered\n" + quit_commands) == "");
}
