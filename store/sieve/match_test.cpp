#include "store/sieve/match.h"

#include <doctest/doctest.h>

#include "store/sieve/limits.h"
#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

using Captures = std::vector<std::string>;

Captures captures(std::string_view text, std::string_view pattern,
                  Comparator comparator = Comparator::AsciiCasemap) {
  Captures found;
  return matches_wildcards(comparator, text, pattern, &found) ? found : Captures{"(no match)"};
}

}  // namespace

TEST_CASE("wildcards match whole texts and capture as little as possible") {
  CHECK(captures("abc", "abc") == Captures{"abc"});
  CHECK(captures("ABC", "a*") == Captures{"ABC", "BC"});
  CHECK(captures("", "*") == Captures{"", ""});
  CHECK(captures("a-b-c", "*-*") == Captures{"a-b-c", "a", "b-c"});
  CHECK(captures("[acme-users] hello", "[*] *") ==
        Captures{"[acme-users] hello", "acme-users", "hello"});
  CHECK(captures("abcabd", "*ab?") == Captures{"abcabd", "abc", "d"});
  CHECK(captures("abc", "a?") == Captures{"(no match)"});
  CHECK(captures("a*c", "a\\*c") == Captures{"a*c"});
  CHECK(captures("abc", "a\\*c") == Captures{"(no match)"});
  CHECK(captures("a\\c", "a\\\\c") == Captures{"a\\c"});
  CHECK(captures("abc", "*b*b*") == Captures{"(no match)"});
  CHECK(captures("", "?") == Captures{"(no match)"});
}

TEST_CASE("a question mark is one character, with i;octet one octet") {
  CHECK(captures("\xc3\xbc", "?") == Captures{"\xc3\xbc", "\xc3\xbc"});
  CHECK(captures("\xc3\xbc", "?", Comparator::Octet) == Captures{"(no match)"});
  CHECK(captures("\xc3\xbc", "??", Comparator::Octet) == Captures{"\xc3\xbc", "\xc3", "\xbc"});
}

TEST_CASE("what i;unicode-casemap captures is text as it was") {
  CHECK(captures("\xc3\x9c"
                 "BER den \xc3\x84"
                 "cker",
                 "\xc3\xbc"
                 "ber * \xc3\xa4*",
                 Comparator::UnicodeCasemap) == Captures{"\xc3\x9c"
                                                         "BER den \xc3\x84"
                                                         "cker",
                                                         "den", "cker"});
  CHECK(captures("\xc3\x9c", "\xc3\xbc") == Captures{"(no match)"});
}

TEST_CASE("a pattern of many stars over a long text takes time in proportion to their product") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  std::string text = std::string(20'000, 'a') + "b";
  CHECK(captures(text, pattern) == Captures{"(no match)"});
  CHECK(captures(text, pattern + "*b").size() == match_variables_max);
}

TEST_CASE("i;ascii-numeric orders the numbers in front; text without one is above all") {
  auto order = [](std::string_view a, std::string_view b) {
    return compare(Comparator::AsciiNumeric, a, b);
  };
  CHECK(order("007", "7") == 0);
  CHECK(order("10 apples", "9") > 0);
  CHECK(order("99999999999999999999998", "99999999999999999999999") < 0);
  CHECK(order("x", "5") > 0);
  CHECK(order("5", "") < 0);
  CHECK(order("x", "y") == 0);
}

TEST_CASE("relations and counts compare as the extension relational says") {
  CHECK(is_true("\"relational\", \"comparator-i;ascii-numeric\"",
                "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-count\" \"10\""));
  CHECK(is_true("\"relational\"", "header :value \"lt\" \"x-count\" \"p\""));
  CHECK(!is_true("\"relational\"", "header :value \"lt\" \"x-count\" \"one\""));
  CHECK(is_true("\"relational\"", "header :count \"eq\" \"x-count\" \"3\""));
  CHECK(is_true("\"relational\"", "header :count \"lt\" \"x-count\" \"20\""));
  CHECK(is_true("\"relational\"", "address :count \"ge\" [\"to\", \"cc\"] \"3\""));
  CHECK(!is_true("\"relational\"", "address :count \"ne\" [\"to\", \"cc\"] \"3\""));
}

TEST_CASE("regular expressions search, fold case, and fail rather than take too long") {
  CHECK(is_true("\"regex\"", "header :regex \"x-count\" \"^T.{2}$\""));
  CHECK(!is_true("\"regex\"", "header :regex :comparator \"i;octet\" \"x-count\" \"^T\""));
  CHECK(is_true("\"regex\"", "header :regex \"subject\" \"gr\xc3\x9c.e\""));
  CHECK(outcome_of("require \"regex\"; if header :regex \"s\" \"(a+)+$\" { discard; }",
                   FakeEnvironment(), "S: " + std::string(200, 'a') + "b\n\n")
            .find("a regular expression could not be matched") != std::string::npos);
  CHECK(outcome_of("require [\"regex\", \"variables\"]; set \"p\" \"(\";\n"
                   "if header :regex \"subject\" \"${p}\" { discard; }")
            .starts_with("2:4: the regular expression is wrong"));
}
