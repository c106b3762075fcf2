#include "popd/login.h"

#include <doctest/doctest.h>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/tls/testing.h"
#include "common/tls/tls_stream.h"
#include "store/login/testing.h"

using namespace pennypost;
using Dialogue = store::LoginDialogue<pop::LoginSession>;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Task<> serve(pop::LoginSession& session) {
  try {
    co_await session.serve();
  } catch (const Disconnected&) {
  }
}

/// Says `before` in the clear, the last of it STLS, and `after` over TLS; the answers to that.
Task<std::string> say_around_stls(Loop& loop, std::unique_ptr<Stream> stream, std::string before,
                                  std::string after) {
  using namespace std::chrono_literals;
  Connection connection(loop, std::move(stream), 5000ms);
  connection.put(before);
  for (std::string last; !has(last, "Begin TLS");) {
    auto line = co_await connection.line(1000);
    last = line.text;
  }
  auto context = TlsContext::client({});
  auto tls = TlsStream::client(connection.exchange_stream(nullptr), *context, "localhost");
  auto& handshaking = *tls;
  connection.exchange_stream(std::move(tls));
  co_await handshaking.handshake(5000ms);
  connection.put(after);
  std::string answers;
  try {
    for (;;) {
      auto line = co_await connection.line(1000);
      answers += std::string(line.text) + "\n";
    }
  } catch (const Disconnected&) {
  }
  co_return answers;
}

}  // namespace

TEST_CASE("USER and PASS log in, and what follows stays for the worker") {
  Dialogue dialogue;
  auto text = dialogue.say("USER alice\r\nPASS wonder\r\n");
  CHECK(text == "+OK Pennypost ready.\r\n+OK \r\n");
  REQUIRE(dialogue.result);
  CHECK(dialogue.result->answer.token == "token");
}

TEST_CASE("a wrong password is refused with the code of RFC 3206, and three end the connection") {
  Dialogue dialogue;
  auto text = dialogue.say(
      "USER alice\r\nPASS x\r\nUSER alice\r\nPASS x\r\nUSER alice\r\nPASS x\r\nUSER alice\r\nPASS "
      "wonder\r\n");
  CHECK(has(text, "-ERR [AUTH] Authentication failed.\r\n"));
  CHECK(dialogue.auth.asked == 3);
  CHECK_FALSE(dialogue.result);
}

TEST_CASE(
    "without TLS a client from another host is offered no password method, and may use none") {
  Dialogue dialogue("192.0.2.9");
  auto text =
      dialogue.say("CAPA\r\nUSER alice\r\nPASS wonder\r\nAUTH PLAIN AGFsaWNlAHdvbmRlcg==\r\n");
  CHECK_FALSE(has(text, "\r\nUSER\r\n"));
  CHECK_FALSE(has(text, "PLAIN"));
  CHECK(has(text, "SASL SCRAM-SHA-256\r\n"));
  CHECK(dialogue.auth.asked == 0);
  CHECK_FALSE(dialogue.result);
}

TEST_CASE("STLS forgets the name that USER gave before it") {
  TestCertificate certificate;
  auto config = config_for_test({"auth_failure_delay=0"});
  store::LoginClient client;
  client.tls = certificate.server();
  store::OneUser auth;
  Loop loop;
  auto [server, peer] = memory_streams(loop);
  Connection connection(loop, std::move(server), std::chrono::seconds(5));
  pop::LoginSession session(connection, config, client, auth);
  Nursery tasks(loop);
  tasks.start(serve(session));
  auto answers = loop.run_until(
      say_around_stls(loop, std::move(peer), "USER alice\r\nSTLS\r\n", "PASS wonder\r\nQUIT\r\n"));
  CHECK(has(answers, "-ERR No username given."));
  CHECK(has(answers, "+OK Logging out."));
  CHECK(auth.asked == 0);
}

TEST_CASE("SCRAM is neither offered nor taken if some users have no keys for it") {
  Dialogue dialogue;
  dialogue.auth.serves_scram = false;
  auto text = dialogue.say("CAPA\r\nAUTH SCRAM-SHA-256\r\n");
  CHECK(has(text, "SASL PLAIN LOGIN\r\n"));
  CHECK(has(text, "-ERR [AUTH] Unsupported authentication mechanism.\r\n"));
  CHECK(dialogue.auth.asked == 0);
}

TEST_CASE("disable_plaintext_auth = no allows passwords without TLS") {
  Dialogue dialogue("192.0.2.9", {"disable_plaintext_auth=no"});
  dialogue.say("USER alice\r\nPASS wonder\r\n");
  CHECK(dialogue.result);
}

TEST_CASE("AUTH PLAIN works with and without an initial response") {
  Dialogue dialogue;
  dialogue.say("AUTH PLAIN AGFsaWNlAHdvbmRlcg==\r\n");
  CHECK(dialogue.result);
  Dialogue second;
  auto text = second.say("AUTH PLAIN\r\nAGFsaWNlAHdvbmRlcg==\r\n");
  CHECK(has(text, "+ \r\n"));
  CHECK(second.result);
}

TEST_CASE("a cancelled or broken exchange is given up, and the dialogue goes on") {
  Dialogue dialogue;
  auto text = dialogue.say("AUTH PLAIN\r\n*\r\nAUTH PLAIN\r\n???\r\nAUTH GSSAPI\r\nQUIT\r\n");
  CHECK(has(text, "aborted by client"));
  CHECK(has(text, "Invalid base64"));
  CHECK(has(text, "Unsupported"));
  CHECK(has(text, "+OK Logging out.\r\n"));
  CHECK(dialogue.auth.aborted == 2);
}

TEST_CASE("a client that leaves in the middle of an exchange leaves nothing behind in auth") {
  Dialogue dialogue;
  dialogue.say("AUTH SCRAM-SHA-256 " + base64_encode("first") + "\r\n");
  CHECK(dialogue.auth.asked == 1);
  CHECK(dialogue.auth.aborted == 1);
}

TEST_CASE(
    "when auth can't be asked, the client is told to try later, not that its password is wrong") {
  Dialogue dialogue;
  dialogue.auth.is_down = true;
  auto text = dialogue.say("USER alice\r\nPASS wonder\r\nQUIT\r\n");
  CHECK(has(text, "-ERR [SYS/TEMP]"));
  CHECK_FALSE(has(text, "[AUTH]"));
}

TEST_CASE("lines and nonsense without end cost the client its connection") {
  Dialogue dialogue;
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += std::string(5000, 'x') + "\r\n";
  auto text = dialogue.say(lines);
  CHECK(has(text, "Line too long."));
  CHECK(has(text, "Too many bad commands."));
}

TEST_CASE("why a dialogue ended names the attempts, as fail2ban's rules for Dovecot expect") {
  Dialogue none;
  none.say("QUIT\r\n");
  CHECK(none.reason == "Ended (no auth attempts)");
  Dialogue wrong;
  wrong.say("USER alice\r\nPASS x\r\nQUIT\r\n");
  CHECK(wrong.reason == "Ended (auth failed, 1 attempts in 0 secs)");
}

TEST_CASE("a client that has not logged in is told when the server stops, and disconnected") {
  for (const char* lines : {"", "USER alice\r\n", "AUTH PLAIN\r\n"}) {
    CAPTURE(lines);
    Dialogue dialogue;
    CHECK(dialogue.say_until_stopped(lines).ends_with("-ERR [SYS/TEMP] Server shutting down.\r\n"));
    CHECK_FALSE(dialogue.result);
  }
}

TEST_CASE("UTF8 is remembered for the worker, and STLS may not follow it") {
  Dialogue dialogue;
  auto text = dialogue.say("UTF8 x\r\nUTF8\r\nLANG en\r\nUSER alice\r\nPASS wonder\r\n");
  CHECK(has(text, "-ERR UTF8 has no arguments.\r\n+OK Headers come in UTF-8.\r\n+OK en "));
  REQUIRE(dialogue.result);
  CHECK(dialogue.result->state == "UTF8");
}
