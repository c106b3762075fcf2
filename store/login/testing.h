// Runs a script of lines against a dialogue before login and records the answers, for the tests of
// popd and imapd.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/config/testing.h"
#include "store/login/login_session.h"

namespace pennypost::store {

/// Knows one user, alice with the password wonder; SCRAM is one challenge and a final message.
/// Counts its calls.
class OneUser final : public AuthPort {
 public:
  Task<Result<AuthAnswer>> step(AuthStep step) override {
    ++asked;
    last = step;
    AuthAnswer answer;
    if (is_down) co_return Error::temporary("down");
    if (!step.has_response) {
      answer.kind = AuthAnswer::Kind::Continue;
    } else if (step.mechanism == "SCRAM-SHA-256" && step.response == "first") {
      answer.kind = AuthAnswer::Kind::Continue;
      answer.challenge = "challenge";
    } else if (step.response == std::string("\0alice\0wonder", 13) || step.response == "proof") {
      answer.kind = AuthAnswer::Kind::Success;
      answer.login = "alice";
      answer.token = "token";
      if (step.response == "proof") answer.challenge = "v=words";
    }
    co_return std::move(answer);
  }
  void abort(std::uint64_t) override { ++aborted; }
  std::uint64_t next_exchange() override { return 1; }
  Task<bool> scram_serves_all() override { co_return serves_scram; }
  AuthStep last;
  int asked = 0;
  int aborted = 0;
  bool is_down = false;
  bool serves_scram = true;
};

/// One connection from `remote` to a server with these settings.
template <class Session>
struct LoginDialogue {
  explicit LoginDialogue(const char* remote = "127.0.0.1", std::vector<std::string> settings = {}) {
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
    Session session(connection, config, client, auth);
    result = loop.run_until(run(session));
    left = connection.take_input();
    reason = session.reason_text("Ended");
    std::string bytes(100'000, '\0');
    auto count = peer->try_read(bytes);
    return bytes.substr(0, count.value_or(0));
  }

  /// Everything it says to a client that sent these lines and waits when the server ends.
  std::string say_until_stopped(const std::string& lines) {
    Loop loop;
    auto [server, peer] = memory_streams(loop);
    Connection connection(loop, std::move(server), Duration(1000));
    peer->try_write(lines);
    Session session(connection, config, client, auth);
    Nursery tasks(loop);
    tasks.start(keep_running(session));
    loop.run_until(stop_soon(loop, session, tasks));
    std::string bytes(100'000, '\0');
    auto count = peer->try_read(bytes);
    return bytes.substr(0, count.value_or(0));
  }

  static Task<> stop_soon(Loop& loop, Session& session, Nursery& tasks) {
    co_await loop.sleep(Duration(1));
    session.stop();
    co_await tasks.join();
  }
  Task<> keep_running(Session& session) { result = co_await run(session); }
  static Task<std::optional<LoginSuccess>> run(Session& session) {
    try {
      co_await session.learn_offer();
      co_return co_await session.serve();
    } catch (const Disconnected&) {
      co_return std::nullopt;
    }
  }

  std::shared_ptr<const Config> config;
  LoginClient client;
  OneUser auth;
  std::optional<LoginSuccess> result;
  std::string left;    // what the client sent after its login
  std::string reason;  // for the log
};

}  // namespace pennypost::store
