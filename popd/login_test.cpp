#include "popd/login.h"

#include <doctest/doctest.h>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/config/testing.h"

using namespace pennypost;
using namespace pennypost::pop;

namespace {

/// Knows one user, alice with the password wonder; counts what it is asked.
class OneUser final : public store::AuthPort {
 public:
  Task<Result<store::AuthAnswer>> step(store::AuthStep step) override {
    ++asked;
    store::AuthAnswer answer;
    if (is_down) co_return Error::temporary("down");
    if (!step.has_response) {
      answer.kind = store::AuthAnswer::Kind::Continue;
    } else if (step.response == std::string("\0alice\0wonder", 13)) {
      answer.kind = store::AuthAnswer::Kind::Success;
      answer.login = "alice";
      answer.token = "token";
    }
    co_return std::move(answer);
  }
  void abort(std::uint64_t) override { ++aborted; }
  std::uint64_t next_exchange() override { return 1; }
  int asked = 0;
  int aborted = 0;
  bool is_down = false;
};

struct Dialogue {
  explicit Dialogue(const char* remote = "127.0.0.1", std::vector<std::string> settings = {}) {
    settings.emplace_back("auth_failure_delay=0");
    config = config_for_test(settings);
    client.address = *IpAddress::parse(remote);
  }

  /// Everything the server says to these lines, until it is done or the lines end.
  std::string say(const std::string& lines) {
    Loop loop;
    auto [server, peer] = memory_streams(loop);
    Connection connection(loop, std::move(server), Duration(1000));
    peer->try_write(lines);
    peer->shut_down();
    LoginSession session(connection, config, client, auth);
    result = loop.run_until(run(session));
    std::string bytes(100'000, '\0');
    auto count = peer->try_read(bytes);
    return bytes.substr(0, count.value_or(0));
  }

  static Task<std::optional<store::AuthAnswer>> run(LoginSession& session) {
    try {
      co_return co_await session.serve();
    } catch (const Disconnected&) {
      co_return std::nullopt;
    }
  }

  std::shared_ptr<const Config> config;
  LoginClient client;
  OneUser auth;
  std::optional<store::AuthAnswer> result;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("USER and PASS log in, and what follows stays for the worker") {
  Dialogue dialogue;
  auto text = dialogue.say("USER alice\r\nPASS wonder\r\n");
  CHECK(text == "+OK Pennypost ready.\r\n+OK \r\n");
  REQUIRE(dialogue.result);
  CHECK(dialogue.result->token == "token");
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

TEST_CASE("without TLS a client from elsewhere is told of no password method, and may use none") {
  Dialogue dialogue("192.0.2.9");
  auto text =
      dialogue.say("CAPA\r\nUSER alice\r\nPASS wonder\r\nAUTH PLAIN AGFsaWNlAHdvbmRlcg==\r\n");
  CHECK_FALSE(has(text, "\r\nUSER\r\n"));
  CHECK_FALSE(has(text, "PLAIN"));
  CHECK(has(text, "SASL SCRAM-SHA-256\r\n"));
  CHECK(dialogue.auth.asked == 0);
  CHECK_FALSE(dialogue.result);
}

TEST_CASE("disable_plaintext_auth = no lets it pass") {
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

TEST_CASE("when auth can't be asked, it is not the password's fault") {
  Dialogue dialogue;
  dialogue.auth.is_down = true;
  auto text = dialogue.say("USER alice\r\nPASS wonder\r\nQUIT\r\n");
  CHECK(has(text, "-ERR [SYS/TEMP]"));
  CHECK_FALSE(has(text, "[AUTH]"));
}

TEST_CASE("endless lines and endless nonsense end the connection") {
  Dialogue dialogue;
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += std::string(5000, 'x') + "\r\n";
  auto text = dialogue.say(lines);
  CHECK(has(text, "Line too long."));
  CHECK(has(text, "Too many bad commands."));
}
