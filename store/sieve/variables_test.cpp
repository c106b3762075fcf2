#include <doctest/doctest.h>

#include "store/sieve/limits.h"
#include "store/sieve/testing.h"
#include "store/sieve/variable_text.h"

using namespace pennypost::store::sieve;

namespace {

/// What `text` becomes after `commands`.
std::string expanded(std::string_view commands, std::string_view text) {
  auto outcome = outcome_of("require [\"variables\", \"fileinto\", \"regex\", \"enotify\"];" +
                            std::string(commands) + "fileinto \"x" + std::string(text) + "\";");
  CHECK(outcome.starts_with("fileinto x"));
  return outcome.substr(std::min<std::size_t>(outcome.size(), 10));
}

std::string modified_by(std::string_view modifiers, std::string_view value) {
  return expanded("set " + std::string(modifiers) + " \"v\" \"" + std::string(value) + "\";",
                  "${v}");
}

}  // namespace

TEST_CASE("variables are replaced by their values, and what is no variable stays") {
  CHECK(expanded("set \"a\" \"1\";", "${a}${A}${b}-$a-${a-${1x}-${}-$") == "11-$a-${a-${1x}-${}-$");
  CHECK(expanded("set \"a\" \"${\"; set \"b\" \"a}\";", "${a}${b}") == "${a}");
  CHECK(outcome_of("require \"fileinto\"; fileinto \"${a}\";") == "fileinto ${a}");
}

TEST_CASE("a match sets the match variables, a failed one leaves them") {
  CHECK(expanded("if header :matches \"subject\" \"*from*sea\" {}", "${1}|${2}|${3}") ==
        "Gr\xc3\xbc\xc3\x9f"
        "e | the |");
  CHECK(
      expanded("if header :matches \"x-count\" \"t?o\" {} if header :matches \"x-count\" \"z*\" {}",
               "${0}${1}") == "twow");
  CHECK(expanded("if header :regex \"subject\" \"(f..m) (x)?the\" {}", "${1}|${2}|${0}") ==
        "from||from the");
  CHECK(expanded("if header :is \"x-count\" \"two\" {}", "${0}") == "");
}

TEST_CASE("modifiers work in the order of their precedence") {
  CHECK(modified_by(":lower", "ABC") == "abc");
  CHECK(modified_by(":upperfirst :lower", "aBC") == "Abc");
  CHECK(modified_by(":lowerfirst :upper", "abc") == "aBC");
  CHECK(modified_by(":quotewildcard", "a*b?c") == "a\\*b\\?c");
  CHECK(modified_by(":quoteregex", "a.b") == "a\\.b");
  CHECK(modified_by(":length",
                    "\xc3\xbc"
                    "b") == "2");
  CHECK(modified_by(":length :quotewildcard", "a*") == "3");
  CHECK(modified_by(":encodeurl", "a b/\xc3\xbc") == "a%20b%2F%C3%BC");
}

TEST_CASE("string tests values, and counts those that are not empty") {
  CHECK(is_true("\"variables\"", "string :matches \"abc\" \"a*\""));
  CHECK(is_true("\"variables\", \"relational\"",
                "string :count \"eq\" [\"a\", \"${none}\", \"b\"] \"2\""));
}

TEST_CASE("variables have limits of number and size") {
  std::string sets;
  for (std::size_t i = 0; i <= variables_max; ++i) {
    sets += "set \"v" + std::to_string(i) + "\" \"\";\n";
  }
  CHECK(outcome_of("require \"variables\";" + sets) == "256:1: more than 255 variables; keep");
  std::string doubles = "require \"variables\"; set \"a\" \"0123456789abcdef\";";
  for (int i = 0; i < 30; ++i) doubles += "set \"a\" \"${a}${a}\";";
  CHECK(outcome_of(doubles +
                   "set :length \"n\" \"${a}\"; if string \"${n}\" \"65536\" { discard; }") ==
        "discard");
  CHECK(outcome_of("require \"variables\"; set \"" + std::string(65, 'a') + "\" \"\";")
            .find("a variable's name has at most 64 letters") != std::string::npos);
}

TEST_CASE("encoded characters are decoded, and what is none stays") {
  auto decoded = [](std::string_view text) {
    auto result = decode_encoded_characters(text);
    return result ? *result : result.error().text();
  };
  CHECK(decoded("a${hex:40}b") == "a@b");
  CHECK(decoded("${HEX: 41 42\t43 }") == "ABC");
  CHECK(decoded("${unicode:fc 1F600}") == "\xc3\xbc\xf0\x9f\x98\x80");
  CHECK(decoded("${unicode:0000000040}") == "@");
  CHECK(decoded("${hex:}${hex:400}${hex: 4g}${x:40}${hex:40") ==
        "${hex:}${hex:400}${hex: 4g}${x:40}${hex:40");
  CHECK(decoded("${hex:${hex:40}}") == "${hex:@}");
  CHECK(decoded("${unicode:110000}").starts_with("there is no character U+110000"));
  CHECK(outcome_of("require \"encoded-character\"; redirect \"a${unicode:40}b.example\";") ==
        "redirect a@b.example");
}

TEST_CASE("the lines of a quoted string end as those of a text: block") {
  CHECK(is_true("\"variables\"", "string \"A\nB\n\" text:\nA\nB\n.\n"));
  CHECK(is_true("\"variables\"", "string \"A\r\nB\r\n\" text:\nA\nB\n.\n"));
}
