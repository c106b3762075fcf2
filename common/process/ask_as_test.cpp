#include "common/process/ask_as.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

using namespace pennypost;

TEST_CASE("a question asked apart is answered by another process, with its lines or its error") {
  auto lines = ask_apart([] {
    return Result<std::vector<std::string>>({std::to_string(::getpid()), "failed", "answered"});
  });
  REQUIRE(lines);
  REQUIRE(lines->size() == 3);
  CHECK(lines->front() != std::to_string(::getpid()));
  CHECK(lines->back() == "answered");
  auto none =
      ask_apart([] { return Result<std::vector<std::string>>(std::vector<std::string>()); });
  REQUIRE(none);
  CHECK(none->empty());
  auto failed =
      ask_apart([] { return Result<std::vector<std::string>>(Error::temporary("no such table")); });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text() == "no such table");
}

TEST_CASE("a question whose process ends before it answers is an error") {
  auto answer = ask_apart([]() -> Result<std::vector<std::string>> { ::_exit(3); });
  REQUIRE_FALSE(answer);
  CHECK(answer.error().text().find("ended early") != std::string::npos);
}

TEST_CASE("work in another process tells as many lines as it likes, as they come") {
  std::size_t heard = 0;
  bool is_in_order = true;
  auto done = work_as(
      Privileges(),
      [](const Tell& tell) {
        for (int i = 0; i < 100'000; ++i) tell("line " + std::to_string(i) + " of many lines");
      },
      [&](const std::string& line) {
        is_in_order = is_in_order && line == "line " + std::to_string(heard) + " of many lines";
        ++heard;
      });
  CHECK(done);
  CHECK(heard == 100'000);
  CHECK(is_in_order);
  auto ended = work_as(
      Privileges(), [](const Tell&) { ::_exit(3); }, [](const std::string&) {});
  CHECK_FALSE(ended);
}
