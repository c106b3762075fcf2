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

TEST_CASE("a command may be started without a shell, and says why if it can't be") {
  CommandRun it;
  it.arguments = {"/bin/echo", "a  b", "$HOME", "`id`", ""};
  it.command = it.arguments.front();
  it.directory = "/";
  it.success = "delivered via filer service";
  it.time_limit = std::chrono::seconds(20);
  signal(SIGPIPE, SIG_IGN);
  CHECK(run_command(it, {"x"}).reason ==
        "delivered via filer service. Command output: a  b $HOME `id`");
  it.arguments = {"/no/such/command"};
  auto outcome = run_command(it, {"x"});
  CHECK(outcome.kind == Kind::Retry);
  CHECK(
      outcome.reason ==
      "temporary failure. Command output: can't start /no/such/command: No such file or directory");
}

TEST_CASE("a command gets the line ends and the quoted beginnings that it wants") {
  CommandRun it;
  it.arguments = {"/usr/bin/od", "-An", "-c", "-w100"};
  it.command = "od";
  it.directory = "/";
  it.head = "H\n";
  it.tail = "\n";
  it.line_end = "\r\n";
  it.quoted_beginnings = {{".", "."}, {"From ", ">"}};
  it.time_limit = std::chrono::seconds(20);
  signal(SIGPIPE, SIG_IGN);
  auto text_of = [&](const store::Pieces& message) {
    std::string text;
    for (char c : run_command(it, message).reason) {
      if (c != ' ') text += c;
    }
    return text.substr(text.find("output:") + 7);
  };
  CHECK(text_of({"Fro", "m a\n.b\n.", "\nFrom", "\n c\nFr"}) ==
        "H\\r\\n>Froma\\r\\n..b\\r\\n..\\r\\nFrom\\r\\nc\\r\\nFr\\r\\n\\r\\n");
}

TEST_CASE("a status code at the beginning of a failed command's output decides") {
  auto full = run("echo 4.2.2 mailbox full; exit 67");
  CHECK(full.kind == Kind::Retry);
  CHECK(full.dsn == "4.2.2");
  CHECK(full.reason == "mailbox full");
  auto gone = run("echo 5.1.6 moved away; exit 75");
  CHECK(gone.kind == Kind::Bounce);
  CHECK(gone.dsn == "5.1.6");
  CHECK(run("echo 2.0.0 fine; exit 67").dsn == "5.1.1");
  CHECK(run("echo 5.1.6 moved; exit 0").kind == Kind::Delivered);
}
