// What users who have logged in may send: blocks and limits.
#include <algorithm>

#include "smtpd/inbound/testing.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

const std::vector<std::string> settings{"smtpd_sasl_auth_enable=yes", "disable_plaintext_auth=no",
                                        "outgoing_user_recipients_per_hour=100"};

const char* const login = R"(
  S: 220 mail.example.com ESMTP Pennypost
  C: EHLO client.example
  S* 250
  C: AUTH PLAIN AGJvYgBzZWNyZXQ=
  S: 235 2.7.0 Authentication successful
)";

bool has_line(const Stage& stage, std::string_view line) {
  auto lines = stage.log.lines();
  return std::ranges::find(lines, line) != lines.end();
}

}  // namespace

TEST_CASE("a user who is blocked in a running session is refused at the next MAIL") {
  Stage stage(settings);
  stage.backend.blocked = "bob";
  CHECK(stage.run(std::string(login) + R"(
    C: MAIL FROM:<bob@example.com>
    S: 550 5.7.1 <bob>: this user may not send mail
    C: RCPT TO:<ann@example.net>
    S: 503 5.5.1 Error: need MAIL command
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
  CHECK(has_line(stage,
                 "smtpd: NOQUEUE: reject: MAIL from client.example[198.51.100.9]: 550 5.7.1 "
                 "<bob>: this user may not send mail; proto=ESMTP helo=<client.example>"));
}

TEST_CASE("while it is unknown whether a user is blocked, mail is put off") {
  Stage stage(settings);
  stage.backend.is_lookup_down = true;
  CHECK(stage.run(std::string(login) + R"(
    C: MAIL FROM:<bob@example.com>
    S: 451 4.3.0 Error: temporary lookup failure
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
}

TEST_CASE("a user's message has as many recipients as the limits leave") {
  Stage stage(settings);
  stage.backend.recipients_left = 1;
  CHECK(stage.run(std::string(login) + R"(
    C: MAIL FROM:<bob@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<ann@example.net>
    S: 250 2.1.5 Ok
    C: RCPT TO:<eve@example.net>
    S: 450 4.7.1 Error: too much mail from bob
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");

  stage.backend.recipients_left = 0;
  CHECK(stage.run(std::string(login) + R"(
    C: MAIL FROM:<bob@example.com>
    S: 450 4.7.1 Error: too much mail from bob
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )") == "");
}

TEST_CASE("clients without a login have no user's limits, and nobody has where none is set") {
  Stage stranger(settings);
  stranger.backend.recipients_left = 0;
  stranger.backend.blocked = "";
  const char* const mail = R"(
    C: MAIL FROM:<bob@example.com>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@example.com>
    S: 250 2.1.5 Ok
    C: QUIT
    S: 221 2.0.0 Bye
    S!
  )";
  CHECK(stranger.run(std::string("S: 220 mail.example.com ESMTP Pennypost\n") + mail) == "");
  Stage unlimited({settings[0], settings[1]});
  unlimited.backend.recipients_left = 0;
  CHECK(unlimited.run(std::string(login) + mail) == "");
}
