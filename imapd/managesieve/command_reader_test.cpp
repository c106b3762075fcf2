#include "imapd/managesieve/command_reader.h"

#include <doctest/doctest.h>

#include "imapd/managesieve/dialogue.h"

using namespace pennypost;
using namespace pennypost::imap::managesieve;
using Read = CommandReader::Event;

namespace {

/// Gives the bytes one at a time, since that is how they may come; the event of the first command.
Read feed(CommandReader& reader, std::string_view text, std::string_view* rest = nullptr) {
  auto event = Read::NeedBytes;
  while (!text.empty() && event == Read::NeedBytes) {
    auto one = text.substr(0, 1);
    event = reader.take(one);
    text.remove_prefix(1 - one.size());
  }
  if (rest != nullptr) *rest = text;
  return event;
}

}  // namespace

TEST_CASE("a command is a name, strings in quotes or as literals, and numbers") {
  CommandReader reader({});
  std::string_view rest;
  const std::string bytes =
      "PutScript \"a \\\"b\\\\\" {9+}\r\n" + std::string("keep;\r\n\0x", 9) + "\r\nNOOP\r\n";
  REQUIRE(feed(reader, bytes, &rest) == Read::Complete);
  CHECK(reader.command().name == "PUTSCRIPT");
  REQUIRE(reader.command().arguments.size() == 2);
  CHECK(reader.command().arguments[0].text == "a \"b\\");
  CHECK(reader.command().arguments[1].text == std::string("keep;\r\n\0x", 9));
  CHECK(rest == "NOOP\r\n");
  reader.reset();
  REQUIRE(feed(reader, "HAVESPACE \"x\" 4294967295\n") == Read::Complete);
  CHECK(reader.command().arguments[1].is_number);
  CHECK(reader.command().arguments[1].number == 4'294'967'295);
  reader.reset();
  REQUIRE(feed(reader, "RENAMESCRIPT {0+}\r\n \"b\"\r\n") == Read::Complete);
  CHECK(reader.command().arguments[0].text.empty());
  CHECK(reader.command().arguments[1].text == "b");
}

TEST_CASE(
    "what is no command is refused with what would be right, and the next one is understood") {
  for (const std::string line :
       {"\"x\"\r\n", "{3+}\r\nabc\r\n", "A-B\r\n", "NOOP \"x\r\n", "NOOP \"\\x\"\r\n", "NOOP x\r\n",
        "NOOP \"a\"\"b\"\r\n", "NOOP 4294967296\r\n", "NOOP 99999999999999999999\r\n",
        "NOOP {3}\r\nabc\r\n", "NOOP 1 2 3 4 5\r\n", "NOOP {1+}\r\na{1+}\r\nb\r\n", "\r\n"}) {
    CAPTURE(line);
    CommandReader reader({});
    std::string_view rest;
    std::string bytes = line + "LOGOUT\r\n";
    auto event = feed(reader, bytes, &rest);
    if (line == "\r\n") {
      CHECK(event == Read::Complete);
      CHECK(reader.command().name.empty());
    } else {
      REQUIRE(event == Read::Refused);
      CHECK(reader.error().response_code() == ResponseCode::None);
    }
    CHECK(rest == "LOGOUT\r\n");
  }
}

TEST_CASE(
    "a literal beyond the limit is skipped and refused as too large, a long line as a mistake") {
  CommandReader reader({100, 10});
  std::string_view rest;
  REQUIRE(feed(reader, "PUTSCRIPT \"a\" {11+}\r\n01234567890\r\nNOOP\r\n", &rest) == Read::Refused);
  CHECK(reader.error().response_code() == ResponseCode::OverQuota);
  CHECK(reader.command().name == "PUTSCRIPT");
  CHECK(rest == "NOOP\r\n");
  reader.reset();
  const std::string lines = "NOOP \"" + std::string(200, 'x') + "\" {5+}\r\nabcde\r\nNOOP\r\n";
  REQUIRE(feed(reader, lines, &rest) == Read::Refused);
  CHECK(reader.error().code() == 501);
  CHECK(rest == "NOOP\r\n");
}

TEST_CASE("a client that would have us skip more than skipped_bytes_max is given up") {
  CommandReader reader({100, 10});
  CHECK(feed(reader, "PUTSCRIPT \"a\" {1000000000+}\r\n") == Read::NeedBytes);
  std::string piece(1 << 20, 'x');
  auto event = Read::NeedBytes;
  for (int i = 0; i <= 65 && event == Read::NeedBytes; ++i) {
    std::string_view input = piece;
    event = reader.take(input);
  }
  CHECK(event == Read::Abandon);
}

TEST_CASE("a response of SASL is one string without a name") {
  for (const char* line : {"\"abc\"\r\n", "{3+}\r\nabc\r\n"}) {
    CommandReader reader({});
    reader.expect_response();
    REQUIRE(feed(reader, line) == Read::Complete);
    REQUIRE(reader.command().arguments.size() == 1);
    CHECK(reader.command().arguments[0].text == "abc");
  }
}

TEST_CASE("wrong arguments are answered with how the command is written") {
  Command command{"HAVESPACE", {{false, 0, "x"}}};
  CHECK(argument_problem(command, "sn") == "Write: HAVESPACE \"STRING\" NUMBER");
  command.arguments.push_back({true, 7, ""});
  CHECK(argument_problem(command, "sn").empty());
  CHECK_FALSE(argument_problem(command, "ss").empty());
  command = {"NOOP", {}};
  CHECK(argument_problem(command, "?s").empty());
  command.arguments = {{false, 0, "a"}, {false, 0, "b"}};
  CHECK(argument_problem(command, "?s") == "Write: NOOP [\"STRING\"]");
}

TEST_CASE("a watcher sees names, and of a script only its size") {
  Command command{"PUTSCRIPT", {{false, 0, "a\"b"}, {false, 0, "keep;\r\nstop;\r\n"}}};
  CHECK(shown(command) == "PUTSCRIPT \"a\\\"b\" (14 octets)");
}

TEST_CASE("strings are quoted where they can be, and literals where not") {
  CHECK(string_of("a\\\"b") == "\"a\\\\\\\"b\"");
  CHECK(string_of("a\r\nb") == "{4}\r\na\r\nb");
  CHECK(string_of(std::string(1025, 'x')).starts_with("{1025}\r\n"));
  CHECK(Reply::ok("Done.", "TAG \"x\"").line() == "OK (TAG \"x\") \"Done.\"\r\n");
  CHECK(Reply(Error(550, ResponseCode::InUse, "it is active")).line() ==
        "NO (ACTIVE) \"it is active\"\r\n");
  CHECK(Reply(Error(552, ResponseCode::OverQuota, "too much")).line() ==
        "NO (QUOTA/MAXSIZE) \"too much\"\r\n");
  CHECK(Reply(Error::temporary("a disk is full")).line().starts_with("NO (TRYLATER) "));
}
