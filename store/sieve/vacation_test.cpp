#include <doctest/doctest.h>

#include "store/mailbox/delivery.h"
#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

constexpr std::string_view script = "require \"vacation\"; vacation \"I am away.\";";

/// The message with a field in front.
std::string with(std::string_view field) {
  return std::string(field) + "\n" + std::string(message_for_test);
}

Outcome run(std::string_view text, const Environment& environment = FakeEnvironment(),
            std::string_view message = message_for_test, const RunLimits& limits = {}) {
  auto compiled = compile(text);
  REQUIRE(compiled.mistakes == Mistakes{});
  return run_script(*compiled.script, message, environment, limits);
}

std::string answer_to(std::string_view text, std::string_view message = message_for_test) {
  auto outcome = run(text, FakeEnvironment(), message);
  for (const auto& action : outcome.actions) {
    const auto* answer = std::get_if<SendMessage>(&action);
    if (answer == nullptr) continue;
    pennypost::store::AutomaticReply reply{answer->recipient, answer->is_from_owner, answer->text};
    CHECK(pennypost::store::check_reply(reply));
    return answer->text;
  }
  return outcome.failure ? outcome.failure->shown() : "(none)";
}

}  // namespace

TEST_CASE("a person who writes to the owner is answered, and the message is kept") {
  CHECK(outcome_of(script) == "vacation ann@far.example; keep");
  CHECK(answer_to(script) ==
        "From: bob+lists@example.org\n"
        "To: ann@far.example\n"
        "Subject: =?utf-8?Q?Auto=3A_Gr=C3=BC=C3=9Fe_from_the_sea?=\n"
        "Date: Tue, 14 Nov 2023 23:13:20 +0100\n"
        "In-Reply-To: <m1@far.example>\n"
        "References: <m1@far.example>\n"
        "Auto-Submitted: auto-replied (vacation)\n"
        "Precedence: bulk\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\n"
        "\n"
        "I am away.\n");
}

TEST_CASE("programs, lists, the owner and those who did not write to him are not answered") {
  for (std::string_view field :
       {"Auto-Submitted: auto-generated", "List-Id: <a.example>", "Precedence: bulk",
        "X-Auto-Response-Suppress: DR, OOF", "List-Unsubscribe: <mailto:x@y.example>"}) {
    CAPTURE(field);
    CHECK(outcome_of(script, FakeEnvironment(), with(field)) == "keep");
  }
  CHECK(outcome_of(script, FakeEnvironment(), with("Auto-Submitted: no")) ==
        "vacation ann@far.example; keep");
  for (std::string_view sender : {"", "MAILER-DAEMON@a.example", "owner-list@a.example",
                                  "list-request@a.example", "bob+lists@example.org"}) {
    CAPTURE(sender);
    FakeEnvironment environment;
    environment.from = sender;
    CHECK(outcome_of(script, environment) == "keep");
  }
  FakeEnvironment other;
  other.to = "nobody@example.org";
  CHECK(outcome_of(script, other) == "keep");
  other.own = {"Carol@EXAMPLE.net"};
  CHECK(outcome_of(script, other) == "vacation ann@far.example; keep");
  other.own = {};
  CHECK(outcome_of("require \"vacation\"; vacation :addresses [\"dan@example.com\"] \"x\";",
                   other) == "vacation ann@far.example; keep");
}

TEST_CASE("each sender is answered once in a period, for each handle or text") {
  FakeEnvironment environment;
  auto first = run(script, environment);
  REQUIRE(first.remembered.size() == 1);
  CHECK(first.remembered[0].seconds == 7 * 86'400);
  environment.memory.insert(first.remembered[0].key);
  CHECK(outcome_of(script, environment) == "keep");
  CHECK(outcome_of("require \"vacation\"; vacation \"Other.\";", environment) ==
        "vacation ann@far.example; keep");
  auto seconds = [](std::string_view tags, std::uint64_t least = 86'400) {
    RunLimits limits;
    limits.vacation_seconds_min = least;
    auto outcome = run("require [\"vacation-seconds\"]; vacation " + std::string(tags) + " \"x\";",
                       FakeEnvironment(), message_for_test, limits);
    return outcome.remembered.empty() ? 0 : outcome.remembered[0].seconds;
  };
  CHECK(seconds(":days 0") == 86'400);
  CHECK(seconds(":days 3") == 3 * 86'400);
  CHECK(seconds(":days 5000") == 90 * 86'400);
  CHECK(seconds(":seconds 60") == 86'400);
  CHECK(seconds(":seconds 60", 0) == 60);
  CHECK(seconds(":seconds 0", 0) == 0);
  auto key = [](std::string_view text) {
    return run("require \"vacation\"; vacation :handle \"h\" \"" + std::string(text) + "\";")
        .remembered.at(0)
        .key;
  };
  CHECK(key("a") == key("b"));
}

TEST_CASE("an answer may have its own subject, sender and MIME form") {
  auto text = answer_to(
      "require \"vacation\"; vacation :subject \"Gr\xc3\xbc\xc3\x9f"
      "e\" "
      ":from \"\\\"Bob B\\\" <bob@example.org>\" \"x\";");
  CHECK(text.find("From: \"Bob B\" <bob@example.org>\n") != std::string::npos);
  CHECK(text.find("Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n") != std::string::npos);
  text = answer_to(
      "require \"vacation\"; vacation :mime text:\n"
      "Content-Type: text/html\n\n<p>away</p>\n.\n;");
  CHECK(text.ends_with("MIME-Version: 1.0\nContent-Type: text/html\n\n<p>away</p>\n"));
  CHECK(answer_to("require \"vacation\"; vacation :mime text:\nBcc: a@b.example\n\nx\n.\n;")
            .find("with :mime the text begins with Content- fields") != std::string::npos);
  CHECK(
      answer_to(
          "require [\"vacation\", \"variables\"]; vacation :subject \"${none}a\r\nBcc: x\" \"x\";")
          .find("\nBcc:") == std::string::npos);
}

TEST_CASE("vacation stands once in a run, and not beside reject") {
  CHECK(outcome_of("require \"vacation\"; vacation \"a\";\nvacation \"b\";") ==
        "2:1: vacation can answer a message only once; keep");
  CHECK(outcome_of("require [\"vacation\", \"reject\"]; reject \"a\";\nvacation \"b\";") ==
        "2:1: a message that is rejected can't be answered by vacation as well; keep");
}
