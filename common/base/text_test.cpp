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

TEST_CASE(
    "printable text shows each control character as ? wherever it stands, and changes no other") {
  const std::string plain = "abcdefghijklmnopqrs";
  for (std::size_t at = 0; at < plain.size(); ++at) {
    for (int code = 0; code < 0x80; ++code) {
      std::string text = plain;
      text[at] = static_cast<char>(code);
      std::string shown = text;
      if (code < 0x20 || code == 0x7f) shown[at] = '?';
      if (printable(text) != shown) FAIL("octet " << code << " at " << at);
    }
  }
  CHECK(printable(plain) == plain);
}

TEST_CASE("printable text is UTF-8, whatever octets came") {
  struct Row {
    std::string in;
    std::string out;
  };
  for (const auto& row : {
           Row{"b\xc3\xbc\x63her", "b\xc3\xbc\x63her"},
           Row{"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
           Row{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, Row{"b\xfc\x63her", "b?cher"},  // Latin-1
           Row{"\x9b"
               "31m",
               "?31m"},  // C1 as one octet
           Row{"\xc2\x9b"
               "31m",
               "??31m"},                                           // and as UTF-8
           Row{"\xc0\xaf \xe0\x80\xaf", "?? ???"},                 // overlong
           Row{"\xed\xa0\x80", "???"},                             // a surrogate
           Row{"\xf4\x90\x80\x80 \xf5\x80\x80\x80", "???? ????"},  // above U+10FFFF
           Row{"a\xe2\x82", "a??"},                                // cut off
           Row{"\xe2\x80\xa8 \xe2\x80\xae", "??? ???"},            // line separator, RLO
       }) {
    CAPTURE(row.in);
    CHECK(printable(row.in) == row.out);
  }
  CHECK(printable("ab\xe2\x82\xac", 3) == "ab...");
  CHECK(printable("ab\xe2\x82\xac", 5) == "ab\xe2\x82\xac");
  CHECK(printable("ab\xe2\x82\xac!", 5) == "ab\xe2\x82\xac...");
}

TEST_CASE("case is ignored for ASCII alone") {
  CHECK(equal_nocase("Inbox", "INBOX"));
  CHECK_FALSE(equal_nocase("\xc3\x84", "\xc3\xa4"));
  CHECK(find_nocase("Hello World", "WORLD") == 6);
  CHECK(find_nocase("Hello", "x") == std::string_view::npos);
}
