#include "imapd/dialogue/login_session.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "store/login/testing.h"

using namespace pennypost;

namespace {

/// The greeting apart from what follows.
struct Dialogue : store::LoginDialogue<imap::LoginSession> {
  using LoginDialogue::LoginDialogue;

  std::string say(const std::string& lines) {
    auto text = LoginDialogue::say(lines);
    auto end = text.find("\r\n");
    greeting = text.substr(0, end);
    return text.substr(end + 2);
  }

  std::string greeting;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("LOGIN takes atoms, strings and literals, and leaves what follows to the worker") {
  for (const char* line : {"a LOGIN alice wonder\r\n", "a login \"alice\" \"wonder\"\r\n",
                           "a LOGIN {5+}\r\nalice {6+}\r\nwonder\r\n"}) {
    CAPTURE(line);
    Dialogue dialogue;
    CHECK(dialogue.say(std::string(line) + "b SELECT INBOX\r\n").empty());
    REQUIRE(dialogue.result);
    CHECK(dialogue.result->answer.token == "token");
    CHECK(dialogue.result->state == "a");
    CHECK(dialogue.left == "b SELECT INBOX\r\n");
  }
  Dialogue dialogue;
  CHECK(dialogue.say("a LOGIN {5}\r\nalice {6}\r\nwonder\r\n") == "+ OK\r\n+ OK\r\n");
  CHECK(dialogue.result);
}

TEST_CASE(
    "SCRAM is neither offered nor taken if some users have no keys for it, unless the settings "
    "name it") {
  Dialogue near;
  near.auth.serves_scram = false;
  auto text = near.say("a AUTHENTICATE SCRAM-SHA-256\r\n");
  CHECK(has(near.greeting, " AUTH=PLAIN AUTH=LOGIN] "));
  CHECK(has(text, "a NO "));
  CHECK(near.auth.asked == 0);
  Dialogue far("192.0.2.9");
  far.auth.serves_scram = false;
  far.say("");
  CHECK(has(far.greeting, " LOGINDISABLED] "));
  Dialogue named("192.0.2.9", {"auth_mechanisms=plain, scram-sha-256"});
  named.auth.serves_scram = false;
  named.say("");
  CHECK(has(named.greeting, " LOGINDISABLED AUTH=SCRAM-SHA-256] "));
}

TEST_CASE("the greeting names the capabilities that hold before login") {
  Dialogue near;
  near.say("");
  CHECK(near.greeting ==
        "* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ENABLE IMAP4rev2 UTF8=ACCEPT ID IDLE "
        "AUTH=PLAIN AUTH=LOGIN "
        "AUTH=SCRAM-SHA-256] Pennypost ready.");
  Dialogue far("192.0.2.9");
  auto text = far.say("a LOGIN alice wonder\r\nb AUTHENTICATE PLAIN\r\nc CAPABILITY\r\n");
  CHECK(has(far.greeting, " LOGINDISABLED AUTH=SCRAM-SHA-256]"));
  CHECK(has(text, "a NO [PRIVACYREQUIRED] "));
  CHECK(has(text, "b NO [PRIVACYREQUIRED] "));
  CHECK(has(text, "* CAPABILITY IMAP4rev1 "));
  CHECK(far.auth.asked == 0);
  Dialogue other("192.0.2.9", {"imap_capability=IMAP4rev1 XFOO"});
  other.say("");
  CHECK(has(other.greeting, "[CAPABILITY IMAP4rev1 XFOO LOGINDISABLED AUTH=SCRAM-SHA-256]"));
  Dialogue open("192.0.2.9", {"disable_plaintext_auth=no"});
  open.say("a LOGIN alice wonder\r\n");
  CHECK(open.result);
}

TEST_CASE("AUTHENTICATE takes an initial response, asks for one, and can be cancelled") {
  Dialogue initial;
  initial.say("a AUTHENTICATE PLAIN AGFsaWNlAHdvbmRlcg==\r\n");
  CHECK(initial.result);
  Dialogue asked;
  CHECK(asked.say("a AUTHENTICATE plain\r\nAGFsaWNlAHdvbmRlcg==\r\n") == "+ \r\n");
  CHECK(asked.result);
  Dialogue cancelled;
  CHECK(cancelled.say("a AUTHENTICATE PLAIN\r\n*\r\n") ==
        "+ \r\na BAD Authentication aborted by client.\r\n");
  CHECK(cancelled.auth.aborted == 1);
  Dialogue left;
  left.say("a AUTHENTICATE SCRAM-SHA-256 " + base64_encode("first") + "\r\n");
  CHECK(left.auth.asked == 1);
  CHECK(left.auth.aborted == 1);
  Dialogue scram;
  CHECK(scram.say("a AUTHENTICATE SCRAM-SHA-256 " + base64_encode("first") + "\r\n" +
                  base64_encode("proof") + "\r\n\r\n") ==
        "+ " + base64_encode("challenge") + "\r\n+ " + base64_encode("v=words") + "\r\n");
  CHECK(scram.result);
  Dialogue unknown;
  CHECK(has(unknown.say("a AUTHENTICATE X\r\n"), "a NO [CANNOT] "));
}

TEST_CASE("wrong passwords are refused, and too many end the connection") {
  Dialogue dialogue;
  auto text = dialogue.say(
      "a LOGIN alice x\r\nb LOGIN alice x\r\nc LOGIN alice x\r\nd LOGIN alice wonder\r\n");
  CHECK(has(text, "a NO [AUTHENTICATIONFAILED] Authentication failed.\r\n"));
  CHECK(has(text, "* BYE Too many failed logins.\r\nc NO "));
  CHECK(dialogue.auth.asked == 3);
  CHECK_FALSE(dialogue.result);
  Dialogue down;
  down.auth.is_down = true;
  CHECK(has(down.say("a LOGIN alice wonder\r\n"), "a NO [UNAVAILABLE] "));
}

TEST_CASE("nothing else is served before login") {
  Dialogue dialogue;
  auto text = dialogue.say(
      "a SELECT INBOX\r\nb NOOP\r\nc STARTTLS\r\nd ID NIL\r\ne APPEND x {5+}\r\nhello\r\nf "
      "LOGOUT\r\ng NOOP\r\n");
  CHECK(has(text, "a BAD Unknown command, or log in first: SELECT\r\n"));
  CHECK(has(text, "b OK NOOP completed.\r\n"));
  CHECK(has(text, "c BAD TLS is not available.\r\n"));
  CHECK(has(text, "* ID (\"name\" \"Pennypost\")\r\nd OK"));
  CHECK(has(text, "e "));
  CHECK(has(text, "* BYE Logging out\r\nf OK Logout completed.\r\n"));
  CHECK_FALSE(has(text, "\r\ng "));
}

TEST_CASE("what is too long before login is refused, and a flood ends the connection") {
  Dialogue dialogue;
  CHECK(has(dialogue.say("a LOGIN " + std::string(40000, 'x') + "\r\n"), "a BAD "));
  CHECK(has(dialogue.say("a LOGIN {5000}\r\n"), "a BAD Literal is too big\r\n"));
  Dialogue literals;
  auto text = literals.say(
      "a APPEND x {70000}\r\nb  append x (\\Seen) {5+}\r\nhello\r\n"
      "c SELECT {5}\r\nINBOX\r\nd X {999999}\r\ne APPEND x {99999+}\r\n");
  CHECK(has(text, "a BAD Log in first\r\n"));
  CHECK(has(text, "b BAD Log in first\r\n"));
  CHECK(has(text, "+ OK\r\nc BAD Unknown command, or log in first: SELECT\r\n"));
  CHECK(has(text, "d BAD Literal is too big\r\n"));
  CHECK(has(text, "e BAD Log in first\r\n* BYE Too much input before login.\r\n"));
  CHECK(has(dialogue.say("a LOGIN " + std::string(200'000, 'x')), "* BYE Too much input"));
  CHECK(has(dialogue.say("a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\nk\r\n"),
            "* BYE Too many invalid IMAP commands.\r\n"));
}

TEST_CASE("a client that has not logged in is told when the server stops, and disconnected") {
  for (const char* lines : {"", "a AUTHENTICATE PLAIN\r\n"}) {
    CAPTURE(lines);
    Dialogue dialogue;
    CHECK(dialogue.say_until_stopped(lines).ends_with("* BYE Server shutting down.\r\n"));
    CHECK_FALSE(dialogue.result);
  }
}

TEST_CASE(
    "a client that was logged in before gets no greeting, and what was known of its TLS holds") {
  Dialogue dialogue("192.0.2.9", {"auth_mechanisms=auto, scram-sha-256-plus"});
  dialogue.client.past = store::LoginClient::Past{true, {"binding", "alice", true}};
  auto first = dialogue.LoginDialogue::say("a CAPABILITY\r\n");
  CHECK(first.starts_with("* CAPABILITY IMAP4rev1 "));
  CHECK(has(first, " AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS\r\n"));
  Dialogue named("192.0.2.9", {"auth_mechanisms=external"});
  named.client.past = store::LoginClient::Past{true, {"binding", "alice", true}};
  CHECK(has(named.LoginDialogue::say("a CAPABILITY\r\n"), " AUTH=EXTERNAL\r\n"));
  Dialogue plain("192.0.2.9");
  plain.client.past = store::LoginClient::Past{false, {}};
  CHECK(has(plain.LoginDialogue::say("a CAPABILITY\r\n"), " LOGINDISABLED "));
}

TEST_CASE("without LITERAL+ there is LITERAL-, and no longer literal comes unasked") {
  Dialogue dialogue("127.0.0.1", {"imap_capability=-LITERAL+"});
  auto text =
      dialogue.say("a ID {4097+}\r\n" + std::string(4097, 'x') + "\r\nb ID {3+}\r\nabc\r\n");
  CHECK(has(dialogue.greeting, "[CAPABILITY IMAP4rev1 LITERAL- "));
  CHECK(has(text,
            "a BAD A literal of more than 4096 octets must wait for our answer: {N}\r\nb BAD "));
  Dialogue neither("127.0.0.1", {"imap_capability=-LITERAL+ -LITERAL-"});
  neither.say("");
  CHECK(has(neither.greeting, "[CAPABILITY IMAP4rev1 SASL-IR "));
}

TEST_CASE("who gives more commands before login than any client needs is disconnected") {
  std::string many;
  for (std::uint64_t i = 0; i < commands_before_login_max + 1; ++i) many += "a NOOP\r\n";
  Dialogue dialogue;
  auto text = dialogue.say(many);
  CHECK(text.ends_with("* BYE Too many commands before login.\r\n"));
}
