#include <doctest/doctest.h>

#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

constexpr std::string_view message =
    "Received: by a\r\nSubject: old\r\nX-A: 1\r\nX-A: 2\r\nX-A: 3\r\n\r\nbody\r\n";

/// The message as the action at `at` gets it.
std::string message_after(std::string_view script, std::size_t at = 0,
                          std::string_view text = message) {
  auto compiled =
      compile("require [\"editheader\", \"fileinto\", \"index\"];" + std::string(script));
  REQUIRE(compiled.mistakes == Mistakes{});
  auto outcome = run_script(*compiled.script, text, FakeEnvironment());
  const auto& form = std::get<FileInto>(outcome.actions.at(at)).form;
  return form ? pennypost::edited(text, *form) : std::string(text);
}

}  // namespace

TEST_CASE("fields are added in front or at the end, and removed, and all else stays") {
  CHECK(message_after("keep;") == message);
  CHECK(message_after("addheader \"X-B\" \"b\";") == "X-B: b\r\n" + std::string(message));
  CHECK(message_after("addheader :last \"X-B\" \"b\"; deleteheader \"X-A\";") ==
        "Received: by a\r\nSubject: old\r\nX-B: b\r\n\r\nbody\r\n");
  CHECK(message_after("deleteheader \"Subject\"; addheader \"Subject\" \"new\";") ==
        "Subject: new\r\nReceived: by a\r\nX-A: 1\r\nX-A: 2\r\nX-A: 3\r\n\r\nbody\r\n");
  CHECK(message_after("addheader \"X-B\" \"b\"; deleteheader \"X-B\";") == message);
  CHECK(message_after("addheader \"X-B\" \"1\"; addheader \"X-B\" \"2\";")
            .starts_with("X-B: 2\r\nX-B: 1\r\nReceived"));
  CHECK(message_after("addheader :last \"X-B\" \"b\";", 0, "Subject: s") == "Subject: s\nX-B: b\n");
}

TEST_CASE("deleteheader takes fields by their place or their value") {
  CHECK(message_after("deleteheader :index 2 \"x-a\";").find("X-A: 1\r\nX-A: 3\r\n") !=
        std::string::npos);
  CHECK(message_after("deleteheader :index 1 :last \"x-a\";").find("X-A: 1\r\nX-A: 2\r\n\r\n") !=
        std::string::npos);
  CHECK(message_after("deleteheader :is \"x-a\" [\"1\", \"3\"];").find("old\r\nX-A: 2\r\n\r\n") !=
        std::string::npos);
  CHECK(message_after("deleteheader :index 2 :is \"x-a\" \"1\";") == message);
}

TEST_CASE("fields that stop loops of mail stay") {
  CHECK(message_after("deleteheader \"Received\";") == message);
}

TEST_CASE("tests see the changes; actions have the message as it was when they were chosen") {
  constexpr std::string_view script =
      "fileinto \"A\"; addheader \"X-B\" \"b\";"
      "if header \"x-b\" \"b\" { fileinto \"B\"; deleteheader \"X-A\"; }"
      "if not exists \"x-a\" { keep; }";
  CHECK(message_after(script, 0) == message);
  CHECK(message_after(script, 1) == "X-B: b\r\n" + std::string(message));
  CHECK(message_after(script, 2) == "X-B: b\r\nReceived: by a\r\nSubject: old\r\n\r\nbody\r\n");
  CHECK(outcome_of("require \"editheader\"; addheader \"X-B\" \"b\";"
                   "if size :over " +
                       std::to_string(message.size() + 7) + " { discard; }",
                   FakeEnvironment(), message) == "discard");
}

TEST_CASE("a script adds a bounded number of fields, and only fields with a name") {
  std::string many = "require [\"editheader\", \"variables\"];";
  for (int i = 0; i < 101; ++i) many += "addheader \"X-B\" \"b\";\n";
  CHECK(outcome_of(many) == "101:1: more than 100 header fields are added; keep");
  CHECK(outcome_of("require [\"editheader\", \"variables\"];\naddheader \"X${none} B\" \"b\";") ==
        "2:1: \"X B\" is no name of a header field; keep");
  CHECK(
      message_after("addheader \"X-B\" \"a\r\nX-C: c\";").starts_with("X-B: aX-C: c\r\nReceived"));
}
