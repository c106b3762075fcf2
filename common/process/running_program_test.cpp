#include "common/process/running_program.h"

#include <doctest/doctest.h>

#include <atomic>
#include <csignal>
#include <thread>

using namespace pennypost;

TEST_CASE("a program that ends before it has read its input ends nobody else") {
  auto before = signal(SIGPIPE, SIG_DFL);
  ProgramStart start;
  start.words = {"/bin/true"};
  // More than a pipe holds.
  auto end = run_program(start, std::string(1 << 20, 'x'), std::chrono::seconds(30));
  REQUIRE(end.has_value());
  CHECK(end->exit_status == 0);
  bool is_as_before = signal(SIGPIPE, before) == SIG_DFL;
  CHECK(is_as_before);
}

TEST_CASE("what a program is given and what it writes pass each other") {
  ProgramStart start;
  start.words = {"/bin/cat"};
  start.output_bytes_max = 2 << 20;
  auto end = run_program(start, std::string(1 << 20, 'x'), std::chrono::seconds(30));
  REQUIRE(end.has_value());
  CHECK(end->output == std::string(1 << 20, 'x'));
}

TEST_CASE("a program that another thread gives up is killed long before its time is over") {
  std::atomic<bool> is_given_up = false;
  ProgramStart start;
  start.words = {"/bin/sleep", "60"};
  start.is_given_up = &is_given_up;
  std::thread other([&] { is_given_up = true; });
  auto end = run_program(start, "", std::chrono::seconds(60));
  other.join();
  REQUIRE_FALSE(end.has_value());
  CHECK(end.error().text() == "was given up");
}
