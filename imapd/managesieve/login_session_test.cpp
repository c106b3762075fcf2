#include "imapd/managesieve/login_session.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "store/login/testing.h"

using namespace pennypost;

namespace {

using Dialogue = store::LoginDialogue<imap::managesieve::LoginSession>;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string quoted(const std::string& text) { return "\"" + base64_encode(text) + "\""; }

const std::string right_password("\0alice\0wonder", 13);

/// What is said behind the greeting.
std::string answers_to(Dialogue& dialogue, const std::string& lines) {
  auto text = dialogue.say(lines);
  auto end = text.find("OK \"Pennypost ready.\"\r\n");
  REQUIRE(end != text.npos);
  return text.substr(end + 23);
}

}  // namespace

TEST_CASE("the greeting tells the capabilities that RFC 5804 demands") {
  Dialogue dialogue;
  auto text = dialogue.say("");
  for (const char* line : {"\"IMPLEMENTATION\" \"Pennypost\"\r\n", "\"SASL\" \"", "\"SIEVE\" \"",
                           "\"NOTIFY\" \"mailto\"\r\n", "\"VERSION\" \"1.0\"\r\n"}) {
    CHECK(has(text, line));
  }
  CHECK(has(text, " vacation "));
  CHECK_FALSE(has(text, "STARTTLS"));
  CHECK_FALSE(has(text, "OWNER"));
}

TEST_CASE("AUTHENTICATE PLAIN logs in with the response given at once or asked for") {
  for (const std::string& lines :
       {"AUTHENTICATE \"PLAIN\" " + quoted(right_password) + "\r\nLISTSCRIPTS\r\n",
        "authenticate \"plain\"\r\n" + quoted(right_password) + "\r\nLISTSCRIPTS\r\n",
        "AUTHENTICATE \"PLAIN\" {20+}\r\n" + base64_encode(right_password) +
            "\r\nLISTSCRIPTS\r\n"}) {
    CAPTURE(lines);
    Dialogue dialogue;
    auto text = answers_to(dialogue, lines);
    REQUIRE(dialogue.result);
    CHECK(dialogue.result->answer.token == "token");
    CHECK(dialogue.result->state.empty());
    CHECK(dialogue.left == "LISTSCRIPTS\r\n");
    CHECK((text.empty() || text == "\"\"\r\n"));
  }
}

TEST_CASE("the last message of SCRAM goes to the worker, which tells it with the success") {
  Dialogue dialogue;
  auto text = answers_to(dialogue, "AUTHENTICATE \"SCRAM-SHA-256\" " + quoted("first") + "\r\n" +
                                       quoted("proof") + "\r\n");
  CHECK(text == quoted("challenge") + "\r\n");
  REQUIRE(dialogue.result);
  CHECK(dialogue.result->state == base64_encode("v=words"));
}

TEST_CASE(
    "without TLS a client from another host is offered no password method, and may use none") {
  Dialogue dialogue("192.0.2.9");
  auto text = dialogue.say("AUTHENTICATE \"PLAIN\" " + quoted(right_password) + "\r\n");
  CHECK(has(text, "\"SASL\" \"SCRAM-SHA-256\"\r\n"));
  CHECK(
      has(text, "NO (ENCRYPT-NEEDED) \"Passwords are not taken without TLS; use STARTTLS.\"\r\n"));
  CHECK(dialogue.auth.asked == 0);
  CHECK_FALSE(dialogue.result);
}

TEST_CASE("an exchange that goes wrong is refused, and the dialogue goes on") {
  for (const std::string& response : {std::string("\"*\""), std::string("\"no base64!\""),
                                      std::string("NOOP"), std::string("{3}\r\nabc")}) {
    CAPTURE(response);
    Dialogue dialogue;
    auto text =
        answers_to(dialogue, "AUTHENTICATE \"PLAIN\"\r\n" + response + "\r\nNOOP \"x\"\r\n");
    CHECK(has(text, "\"\"\r\nNO "));
    CHECK(has(text, "OK (TAG \"x\") \"Done.\"\r\n"));
    CHECK_FALSE(dialogue.result);
  }
}

TEST_CASE("three wrong passwords end the connection") {
  Dialogue dialogue;
  std::string wrong = "AUTHENTICATE \"PLAIN\" " + quoted(std::string("\0alice\0x", 8)) + "\r\n";
  auto text = answers_to(dialogue, wrong + wrong + wrong + "AUTHENTICATE \"PLAIN\" " +
                                       quoted(right_password) + "\r\n");
  CHECK(has(text, "NO \"Authentication failed.\"\r\nBYE "));
  CHECK(dialogue.auth.asked == 3);
  CHECK_FALSE(dialogue.result);
}

TEST_CASE("commands of the time after login, and nonsense, are refused; ten in a row end it") {
  Dialogue dialogue;
  std::string lines;
  for (int i = 0; i < 12; ++i) lines += "LISTSCRIPTS\r\n";
  auto text = answers_to(dialogue, lines);
  CHECK(text.ends_with("BYE \"Too many bad commands.\"\r\n"));
  CHECK(dialogue.left == "LISTSCRIPTS\r\nLISTSCRIPTS\r\n");
  Dialogue long_one;
  text = answers_to(long_one, "NOOP {100000+}\r\n" + std::string(100'000, 'x') + "\r\nLOGOUT\r\n");
  CHECK(has(text, "NO "));
  CHECK(text.ends_with("OK \"Logging out.\"\r\n"));
}

TEST_CASE("a client that is logging in when the server ends is told so") {
  Dialogue dialogue;
  CHECK(dialogue.say_until_stopped("NOOP\r\n")
            .ends_with("BYE (TRYLATER) \"Server shutting down.\"\r\n"));
}
