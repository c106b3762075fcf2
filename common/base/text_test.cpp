#include "common/base/text.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("base64 decodes what it encodes, for every length") {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    auto text = base64_encode(bytes);
    CHECK(base64_decode(text) == bytes);
    bytes += static_cast<char>(i * 37);
  }
}

TEST_CASE("base64 that is not canonical is refused") {
  for (const char* text : {"a", "ab=", "====", "ab==cd==", "YWJ\n", "YR==", "YWK=x", "=AAA"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text).has_value());
  }
  CHECK(base64_decode("") == "");
}

TEST_CASE("words leaves out empty pieces, split keeps them") {
  CHECK(words(" a, b,,c ") == std::vector<std::string_view>{"a", "b", "c"});
  CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split("", ',').size() == 1);
}

TEST_CASE("a number that does not fit is no number") {
  CHECK(parse_number("18446744073709551615") == 18446744073709551615ull);
  CHECK_FALSE(parse_number("18446744073709551616").has_value());
  CHECK_FALSE(parse_number("-1").has_value());
  CHECK_FALSE(parse_number("1 ").has_value());
  CHECK_FALSE(parse_number("").has_value());
}

TEST_CASE("printable text holds no control character") {
  CHECK(printable("a\r\nb\x7f") == "a??b?");
  CHECK(printable("abcdef", 3) == "abc...");
}

TEST_CASE("case is ignored for ASCII alone") {
  CHECK(equal_nocase("Inbox", "INBOX"));
  CHECK_FALSE(equal_nocase("\xc3\x84", "\xc3\xa4"));
  CHECK(find_nocase("Hello World", "WORLD") == 6);
  CHECK(find_nocase("Hello", "x") == std::string_view::npos);
  CHECK(compare_nocase("abc", "ABD") == -1);
}
