#include "imapd/grammar/assembler.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "imapd/grammar/append.h"

using namespace pennypost::imap;
using Event = CommandAssembler::Event;

namespace {

// Gives `input` in pieces of `step` octets and collects the events.
std::vector<Event> feed(CommandAssembler& assembler, std::string_view input, std::size_t step,
                        std::string* last = nullptr) {
  std::vector<Event> events;
  std::string_view rest = input.substr(0, 0);
  std::size_t given = 0;
  for (;;) {
    auto event = assembler.take(rest);
    if (event != Event::NeedBytes) {
      events.push_back(event);
      if (event != Event::Continue) break;
      continue;
    }
    if (given == input.size()) break;
    rest = input.substr(given, step);
    given += rest.size();
  }
  if (last != nullptr) *last = std::string(rest) + std::string(input.substr(given));
  return events;
}

}  // namespace

TEST_CASE("a command is complete at its line end, however its octets arrive") {
  Limits limits;
  for (std::size_t step : {1u, 2u, 3u, 100u}) {
    CommandAssembler assembler(limits);
    std::string rest;
    CHECK(feed(assembler, "a1 NOOP\r\na2 NOOP\r\n", step, &rest) == std::vector{Event::Complete});
    CHECK(assembler.text() == "a1 NOOP");
    CHECK(rest == "a2 NOOP\r\n");
    assembler.reset();
    CHECK(assembler.is_idle());
    CHECK(feed(assembler, "a2 LOGIN {3}\r\na b {2+}\r\nxy\r\n", step) ==
          std::vector{Event::Continue, Event::Complete});
    CHECK(assembler.text() == "a2 LOGIN {3}\r\na b {2+}\r\nxy");
    assembler.reset();
    CHECK(feed(assembler, "a3 X {0}\r\n\n", step) == std::vector{Event::Continue, Event::Complete});
    CHECK(assembler.text() == "a3 X {0}\r\n");
  }
}

TEST_CASE("the message of an APPEND stays outside the assembler, its mailbox name does not") {
  Limits limits;
  CommandAssembler assembler(limits);
  CHECK(feed(assembler, "a APPEND {5}\r\nINBOX (\\Seen) {70000}\r\n", 7) ==
        std::vector{Event::Continue, Event::Message});
  CHECK(assembler.literal().bytes == 70000);
  auto request = parse_append(assembler.text(), limits);
  REQUIRE(request.has_value());
  CHECK(request->mailbox == "INBOX");
  assembler.message_taken();
  CHECK(feed(assembler, " (\\Flagged) \"01-Jan-2024 00:00:00 +0100\" {3+}\r\n", 7) ==
        std::vector{Event::Message});
  auto next = parse_append_next(assembler.text(), {}, limits);
  REQUIRE(next.has_value());
  REQUIRE(next->steps.size() == 2);
  CHECK(next->steps[0].flags == std::vector<std::string>{"\\Flagged"});
  CHECK(next->steps[0].internal_date->zone_minutes == 60);
  CHECK(next->ends_with_literal());
  assembler.message_taken();
  CHECK(feed(assembler, "\r\n", 7) == std::vector{Event::Complete});
  CHECK(assembler.text().empty());
  CHECK(assembler.tag() == "a");
  CHECK(parse_append_next("", {}, limits)->steps.empty());
}

TEST_CASE("an APPEND that is wrong before its literal is refused before the message is sent") {
  Limits limits;
  limits.literal_bytes_max = 10;
  struct Row {
    std::string command;
    std::string why;
  };
  const std::string example = ": expected one like \" 3-Feb-2025 18:28:47 +0000\"";
  const Row rows[] = {
      {"a APPEND INBOX \"35-Feb-2025 18:28:47 +0000\" ",
       "Invalid date \"35-Feb-2025 18:28:47 +0000\"" + example},
      {"a APPEND INBOX (\\Seen) \"\" ", "Invalid date \"\"" + example},
      {"a APPEND {5+}\r\nINBOX \"3-Feb\" ", "Invalid date \"3-Feb\"" + example},
      {"a APPEND INBOX (\\Seen ", "Expected an atom"},
      {"a APPEND INBOX Seen ", "Expected the message as a literal"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.command);
    CommandAssembler assembler(limits);
    CHECK(feed(assembler, row.command + "{70000}\r\n", 7) == std::vector{Event::Refused});
    CHECK(assembler.error().code() == 501);
    CHECK(assembler.error().text() == row.why);
    CHECK(assembler.tag() == "a");
    // Sent unasked, it is passed over to its end.
    assembler.reset();
    std::string rest;
    auto input = row.command + "{12+}\r\nhello, world\r\nNEXT";
    CHECK(feed(assembler, input, 7, &rest) == std::vector{Event::Refused});
    CHECK(assembler.error().text() == row.why);
    CHECK(rest == "NEXT");
  }
}

TEST_CASE("a command that exceeds a limit is skipped to its end and refused under its tag") {
  Limits limits;
  limits.line_bytes_max = 40;
  limits.literal_bytes_max = 10;
  limits.command_bytes_max = 60;
  limits.message_bytes_max = 100;
  limits.skip_bytes_max = 1000;
  limits.literals_max = 3;
  struct Row {
    std::string input;
    Event last;
    int code;
    std::string rest;
  };
  auto line = [](std::size_t n) { return std::string(n, 'x'); };
  const Row rows[] = {
      {"a SELECT " + line(50) + "\r\nNEXT", Event::Refused, 501, "NEXT"},
      {"a SELECT " + line(50) + " {3+}\r\nab\n {2}\r\nNEXT", Event::Refused, 501, "NEXT"},
      {"a SELECT {11}\r\nNEXT", Event::Refused, 552, "NEXT"},
      {"a SELECT {11+}\r\n12345678901 {4+}\r\nabcd\r\nNEXT", Event::Refused, 552, "NEXT"},
      {"a SELECT {10+}\r\n1234567890 {10+}\r\n1234567890 {10+}\r\n1234567890 z\r\nNEXT",
       Event::Refused, 552, "NEXT"},
      {"a SELECT {10+}\r\n1234567890 {10+}\r\n1234567890 " + line(30) + "\r\nNEXT", Event::Refused,
       501, "NEXT"},
      {"a LIST {1+}\r\nx {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\nNEXT", Event::Refused, 552, "NEXT"},
      {"a APPEND INBOX {101}\r\nNEXT", Event::Refused, 552, "NEXT"},
      {"a APPEND INBOX {101+}\r\n" + line(101) + "\r\nNEXT", Event::Refused, 552, "NEXT"},
      {"a APPEND INBOX {1001+}\r\nNEXT", Event::Abandon, 552, "NEXT"},
      {"a SELECT " + line(2000) + "\r\nNEXT", Event::Abandon, 501, ""},
  };
  for (const auto& row : rows) {
    for (std::size_t step : {1u, 13u, 5000u}) {
      CAPTURE(row.input);
      CAPTURE(step);
      CommandAssembler assembler(limits);
      std::string rest;
      auto events = feed(assembler, row.input, step, &rest);
      REQUIRE_FALSE(events.empty());
      if (row.last == Event::Abandon && step == 5000u && row.code == 501) continue;
      CHECK(events.back() == row.last);
      CHECK(assembler.error().code() == row.code);
      CHECK(assembler.tag() == "a");
      if (row.last == Event::Refused) CHECK(rest == row.rest);
    }
  }
}

TEST_CASE("a refused message that the client sends unasked is skipped") {
  Limits limits;
  CommandAssembler assembler(limits);
  std::string_view input = "a APPEND Nowhere {5+}\r\nhello\r\nb";
  CHECK(assembler.take(input) == Event::Message);
  assembler.refuse(pennypost::Error(550, pennypost::ResponseCode::TryCreate, "No such mailbox"));
  CHECK(assembler.take(input) == Event::Refused);
  CHECK(input == "b");
  CHECK(assembler.error().text() == "No such mailbox");
  assembler.reset();
  input = "a APPEND Nowhere {5}\r\nb";
  CHECK(assembler.take(input) == Event::Message);
  assembler.refuse(pennypost::Error(550, pennypost::ResponseCode::TryCreate, "No such mailbox"));
  CHECK(assembler.take(input) == Event::Refused);
  CHECK(input == "b");
}

TEST_CASE("the tag of a line that is no command is *") {
  CHECK(tag_of("a1 NOOP") == "a1");
  CHECK(tag_of("a1") == "a1");
  CHECK(tag_of("") == "*");
  CHECK(tag_of(" NOOP") == "*");
  CHECK(tag_of("a(b NOOP") == "*");
  CHECK(tag_of("a+ NOOP") == "*");
}
