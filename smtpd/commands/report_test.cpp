#include "smtpd/commands/report.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

TEST_CASE("secrets are blanked wherever they occur, the longest first, and short words stay") {
  CHECK(without_secrets("a pass-word b pass c", {"pass", "pass-word"}) ==
        "a [secret] b [secret] c");
  CHECK(without_secrets("abc ab", {"ab", "abc"}) == "abc ab");
  CHECK(without_secrets("secret secret", {"secret"}) == "[secret] [secret]");
}

TEST_CASE("texts of inline tables are left out of a setting's value, also nested ones") {
  CHECK(without_inline("inline:{a=b, c=d}") == "inline:{ [left out] }");
  CHECK(without_inline("unionmap:{inline:{a={b} c}, hash:/x}") ==
        "unionmap:{inline:{ [left out] }, hash:/x}");
  CHECK(without_inline("inline:{never closed") == "inline:{ [left out] ");
  CHECK(without_inline("hash:/x") == "hash:/x");
}
