#include "store/sieve/parser.h"

#include <doctest/doctest.h>

#include "store/sieve/lexer.h"
#include "store/sieve/limits.h"

using namespace pennypost::store::sieve;

namespace {

std::string mistake_in(std::string_view script) {
  auto parsed = parse_script(script);
  return parsed.mistakes.empty() ? "" : parsed.mistakes[0].shown();
}

/// The one string argument of the one command.
std::string string_in(std::string_view script) {
  auto parsed = parse_script(script);
  REQUIRE(parsed.mistakes == Mistakes{});
  return parsed.commands.at(0).arguments.at(0).strings.at(0).text;
}

std::string nested(std::string_view open, std::size_t times, std::string_view close) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += open;
  for (std::size_t i = 0; i < times; ++i) text += close;
  return text;
}

}  // namespace

TEST_CASE("a script becomes commands with tags, arguments, tests and blocks at their places") {
  auto parsed = parse_script(
      "# a comment\n"
      "require [\"fileinto\", \"copy\"];\r\n"
      "IF allof (size :over 10K, not header :is \"X\" \"y\") { /* here */\n"
      "  fileinto :Copy \"a\";\n"
      "} else { keep; }\n");
  REQUIRE(parsed.mistakes == Mistakes{});
  REQUIRE(parsed.commands.size() == 3);
  CHECK(parsed.commands[0].arguments[0].strings[1].text == "copy");
  CHECK(parsed.commands[0].arguments[0].strings[1].at == Position{2, 22});
  const auto& condition = parsed.commands[1];
  CHECK(condition.name == "if");
  CHECK(condition.tests[0].has_test_list);
  CHECK(condition.tests[0].tests[0].arguments[0].tag == "over");
  CHECK(condition.tests[0].tests[0].arguments[1].number == 10'240);
  CHECK(condition.tests[0].tests[1].tests[0].name == "header");
  CHECK(condition.block[0].arguments[0].tag == "copy");
  CHECK(condition.block[0].at == Position{4, 3});
  CHECK(parsed.commands[2].name == "else");
}

TEST_CASE("strings lose their quotes, escapes and dot-stuffing, and keep all else") {
  CHECK(string_in(R"(x "a\"b\\c\d";)") == R"(a"b\cd)");
  CHECK(string_in("x \"two\nlines\";") == "two\r\nlines");
  CHECK(string_in("x text:\nfirst\n..dot\nlast\n.\n;") == "first\r\n.dot\r\nlast\r\n");
  CHECK(string_in("x text: # why\r\nfirst\r\n.\r\n;") == "first\r\n");
  CHECK(string_in("x text:\n.\n;") == "");
}

TEST_CASE("numbers may end in K, M and G, and have a largest") {
  auto number = [](std::string_view text) {
    auto parsed = parse_script("x " + std::string(text) + ";");
    return parsed.mistakes.empty() ? parsed.commands[0].arguments[0].number : 0;
  };
  CHECK(number("1") == 1);
  CHECK(number("2k") == 2048);
  CHECK(number("3M") == 3 << 20);
  CHECK(number("8G") == std::uint64_t{8} << 30);
  CHECK(number("9223372036854775807") == number_max);
  CHECK(mistake_in("x 9223372036854775808;").starts_with("1:3: this number is too large"));
  CHECK(mistake_in("x 9007199254740992K;").starts_with("1:3: this number is too large"));
  CHECK(mistake_in("x 10Q;").starts_with("1:3: a number may end in K, M or G"));
}

TEST_CASE("a mistake of the grammar is told with its place and what would be right") {
  struct Case {
    std::string_view script;
    std::string_view mistake;
  };
  for (const auto& one : {
           Case{"keep", "1:5: expected \";\" or a block after keep, not the end of the script"},
           Case{"keep;\n  }", "2:3: \"}\" without a { before it"},
           Case{"if true {\nkeep;", "1:9: this block has no end; close it with }"},
           Case{"x \"abc", "1:3: this string has no end; close it with a double quote"},
           Case{"x 'abc'", "1:3: strings are written with double quotes"},
           Case{"/* a\n", "1:1: this comment has no end; close it with */"},
           Case{"x [\"a\" \"b\"];",
                "1:8: expected \",\" or \"]\" in a list of strings, not the string \"b\""},
           Case{"x [];", "1:4: expected a string in the list, not \"]\""},
           Case{"x (true;", "1:8: expected \",\" or \")\" in a list of tests, not \";\""},
           Case{"x : y;", "1:3: a tag's name must follow the colon"},
           Case{"\"a\";", "1:1: expected a command, not the string \"a\""},
           Case{"x text: a\nb\n.\n;", "1:9: the text begins on the line after text:"},
           Case{"x text:\nb\n",
                "1:3: this text: has no end; end it with a line that is a single "
                "dot"},
           Case{"x \x80;", "1:3: unexpected character 0x80"},
           Case{"x =;", "1:3: unexpected character \"=\""},
       }) {
    CAPTURE(one.script);
    CHECK(mistake_in(one.script) == one.mistake);
  }
}

TEST_CASE("a script has limits of size, nesting, and the length of lists") {
  CHECK(mistake_in(std::string(script_bytes_max + 1, ' ')).starts_with("1:1: the script has"));
  CHECK(mistake_in(nested("if true {", block_nesting_max, "}")) == "");
  CHECK(mistake_in(nested("if true {", block_nesting_max + 1, "}"))
            .find("blocks are nested deeper") != std::string::npos);
  CHECK(mistake_in(nested("x not(", test_nesting_max + 1, ")")).find("tests are nested deeper") !=
        std::string::npos);
  std::string list = "x [\"a\"";
  for (std::size_t i = 0; i < string_list_max; ++i) list += ",\"a\"";
  CHECK(mistake_in(list + "];").find("more than 10000 strings") != std::string::npos);
  CHECK(mistake_in(nested("x;", commands_max + 1, "")).find("more than 10000 commands") !=
        std::string::npos);
  CHECK(mistake_in("x :" + std::string(name_bytes_max + 1, 'a') + ";")
            .find("names have at most 32") != std::string::npos);
  std::string arguments = "x";
  for (std::size_t i = 0; i <= arguments_max; ++i) arguments += " 1";
  CHECK(mistake_in(arguments + ";").find("more than 100 arguments") != std::string::npos);
}
