#include "smtpd/delivery/command.h"

#include <doctest/doctest.h>

#include <csignal>

using namespace pennypost;
using namespace pennypost::smtp;
using Kind = store::DeliveryOutcome::Kind;

namespace {

store::DeliveryOutcome run(const std::string& command,
                           std::string_view message = "A: b\n\nbody\n") {
  CommandRun it;
  it.command = command;
  it.directory = "/";
  it.environment = {{"PATH", "/usr/bin:/bin"}, {"SENDER", "ann@example.org"}};
  it.head = "Return-Path: <ann@example.org>\n";
  it.time_limit = std::chrono::seconds(20);
  signal(SIGPIPE, SIG_IGN);  // as in every daemon
  return run_command(it, {message});
}

}  // namespace

TEST_CASE("a command gets the message, our headers first, and its environment") {
  auto outcome = run("cat; echo $SENDER");
  CHECK(outcome.kind == Kind::Delivered);
  CHECK(outcome.dsn == "2.0.0");
  CHECK(outcome.reason ==
        "delivered to command: cat; echo $SENDER. Command output: Return-Path: <ann@example.org> "
        "A: b  body ann@example.org");
  CHECK(run("exit 1").reason == "Command died with status 1: \"exit 1\"");
}

TEST_CASE("a command waits for a directory that is required, and else runs in /") {
  CommandRun it;
  it.command = "pwd";
  it.directory = "/no/such/directory";
  it.time_limit = std::chrono::seconds(20);
  CHECK(run_command(it, {""}).reason == "delivered to command: pwd. Command output: /");
  it.is_directory_required = true;
  auto outcome = run_command(it, {""});
  CHECK(outcome.kind == Kind::Retry);
  CHECK(outcome.reason ==
        "temporary failure. Command output: can't change to the directory /no/such/directory");
}

TEST_CASE("exit statuses mean what sysexits says") {
  struct Row {
    const char* command;
    Kind kind;
    const char* dsn;
  };
  for (const auto& row :
       {Row{"exit 0", Kind::Delivered, "2.0.0"}, Row{"exit 75", Kind::Retry, "4.3.0"},
        Row{"exit 67", Kind::Bounce, "5.1.1"}, Row{"exit 77", Kind::Bounce, "5.7.0"},
        Row{"exit 1", Kind::Bounce, "5.3.0"}, Row{"kill -9 $$", Kind::Retry, "4.3.0"}}) {
    CAPTURE(row.command);
    auto outcome = run(row.command);
    CHECK(outcome.kind == row.kind);
    CHECK(outcome.dsn == row.dsn);
  }
}

TEST_CASE("a command that does not read its input may still take the message") {
  std::string large(5'000'000, 'x');
  CHECK(run("exit 0", large).kind == Kind::Delivered);
  CHECK(run("exec 0<&-; sleep 0.1; exit 0", large).kind == Kind::Delivered);
}

TEST_CASE("a large message and a chatty command do not wait for each other") {
  std::string large(3'000'000, 'x');
  auto outcome = run("cat", large);
  CHECK(outcome.kind == Kind::Delivered);
  CHECK(outcome.reason.size() < 2000);
}

TEST_CASE("a command that goes on for ever is killed, and the message waits") {
  CommandRun it;
  it.command = "sleep 1000";
  it.directory = "/";
  it.environment = {{"PATH", "/usr/bin:/bin"}};
  it.time_limit = std::chrono::seconds(0);
  auto outcome = run_command(it, {});
  CHECK(outcome.kind == Kind::Retry);
  CHECK(outcome.reason.find("time limit") != std::string::npos);
}
