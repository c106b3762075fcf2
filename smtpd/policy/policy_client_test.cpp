#include "smtpd/policy/policy_client.h"

#include <doctest/doctest.h>

#include "common/async/nursery.h"
#include "common/config/testing.h"
#include "common/log/sink.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

/// A policy server in memory. What it says of the n-th request of all is the n-th text; an empty
/// one closes the connection.
class FakeServer {
 public:
  explicit FakeServer(std::vector<std::string> answers) : answers_(std::move(answers)) {}

  Result<std::string> ask(std::string request = "a=b\n\n", std::string settings = "") {
    auto config = config_for_test({});
    auto service = PolicyService::parse("{ inet:127.0.0.1:7 " + settings + " }", *config);
    REQUIRE(service);
    return loop_.run_until(client_.ask(*service, std::move(request)));
  }
  int connections() const { return connections_; }
  const std::string& heard() const { return heard_; }
  Loop& loop() { return loop_; }
  const LogCapture& log() const { return log_; }

 private:
  Task<Result<std::unique_ptr<Stream>>> connect() {
    ++connections_;
    if (answers_.empty()) co_return Error::temporary("Connection refused");
    auto [ours, theirs] = memory_streams(loop_);
    serving_.start(serve(std::move(theirs)));
    co_return std::move(ours);
  }
  Task<> serve(std::unique_ptr<Stream> stream) {
    Connection connection(loop_, std::move(stream), Duration(5000));
    try {
      for (;;) {
        Line line = co_await connection.line(1000);
        add(heard_, line.text, '\n');
        if (!line.text.empty()) continue;
        std::string answer = asked_ < answers_.size() ? answers_[asked_] : "";
        ++asked_;
        if (answer.empty()) break;
        co_await connection.write(answer);
      }
      connection.stream().shut_down();
    } catch (const Disconnected&) {
      // The client has closed its end.
    }
  }

  Loop loop_;
  LogCapture log_;
  std::vector<std::string> answers_;
  std::size_t asked_ = 0;
  int connections_ = 0;
  std::string heard_;
  PolicyClient client_{loop_, [this](const ServerRef&, Duration) { return connect(); }};
  Nursery serving_{loop_};
};

std::string said(const Result<std::string>& action) {
  return action ? *action : "error: " + action.error().text();
}

}  // namespace

TEST_CASE("a connection to a policy server is used again, until its request limit") {
  FakeServer server({"action=one\n\n", "x=y\naction=two three\n\n", "action=3\n\n"});
  CHECK(said(server.ask()) == "one");
  CHECK(said(server.ask()) == "two three");
  CHECK(server.connections() == 1);
  CHECK(said(server.ask("c=d\n\n", ", request_limit=3")) == "3");
  CHECK(server.connections() == 1);
  CHECK(said(server.ask()) == "error: lost connection");
  CHECK(server.connections() == 3);
  CHECK(server.heard() == "a=b\n\na=b\n\nc=d\n\na=b\n\na=b\n\n");
}

TEST_CASE("a kept connection that the policy server has closed is no failure") {
  FakeServer server({"action=one\n\n", "", "action=two\n\n"});
  CHECK(said(server.ask("a=b\n\n", ", try_limit=1")) == "one");
  CHECK(said(server.ask("a=b\n\n", ", try_limit=1")) == "two");
  CHECK(server.connections() == 2);
}

TEST_CASE("a policy server that fails is asked try_limit times, and each failure is logged") {
  FakeServer server({});
  CHECK(said(server.ask("a=b\n\n", ", try_limit=3 retry_delay=0")) == "error: Connection refused");
  CHECK(server.connections() == 3);
  CHECK(server.log().lines().size() == 3);
  CHECK(server.log().lines().back().find(
            "problem talking to server 127.0.0.1:7: Connection refused") != std::string::npos);
}

TEST_CASE("a policy server's answer must be lines of name=value with an action, and short") {
  struct Row {
    std::string answer;
    std::string told;
  };
  for (const Row& row :
       {Row{"action\n\n", "error: its answer has no name=value: \"action\""},
        Row{"act=1\n\n", "error: its answer has no action"},
        Row{"\n", "error: its answer has no action"},
        Row{"action=" + std::string(20000, 'x') + "\n\n",
            "error: its answer is longer than 16384 bytes"},
        Row{std::string(20000, 'x'), "error: its answer is longer than 16384 bytes"},
        Row{[] {
              std::string many;
              for (int i = 0; i < 5000; ++i) many += "a=b\n";
              return many + "action=DUNNO\n\n";
            }(),
            "error: its answer is longer than 16384 bytes"}}) {
    CAPTURE(row.told);
    FakeServer server({row.answer});
    CHECK(said(server.ask("a=b\n\n", ", try_limit=1, timeout=1s")) ==
          (row.answer.ends_with("x") ? "error: Connection timed out" : row.told));
  }
}

TEST_CASE("a policy server that does not answer costs the time-out and no more") {
  FakeServer server({"action=half"});
  CHECK(said(server.ask("a=b\n\n", ", try_limit=1, timeout=1s")) == "error: Connection timed out");
  CHECK(server.connections() == 1);
}
