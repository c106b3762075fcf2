#include "common/mail/charset.h"

#include <doctest/doctest.h>
#include <unistr.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "common/mail/unicode.h"

using namespace pennypost;

TEST_CASE("text of known charsets becomes UTF-8") {
  struct Row {
    const char* charset;
    const char* text;
    const char* utf8;
  };
  const Row rows[] = {
      {"utf-8", "J\xc3\xb6rg", "J\xc3\xb6rg"},
      {"UTF-8",
       "a\xff"
       "b",
       "a\xef\xbf\xbd"
       "b"},
      {"utf-8", "\xf5\xba\x91\x81", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"utf-8", "cut \xc3", "cut \xef\xbf\xbd"},
      {"ISO-8859-1", "J\xf6rg", "J\xc3\xb6rg"},
      {" iso-8859-15 ", "\xa4", "\xe2\x82\xac"},
      {"us-ascii", "J\xf6rg", "J\xc3\xb6rg"},
      {"", "\x80", "\xe2\x82\xac"},
      {"", "\xc3\xb6", "\xc3\xb6"},
      {"koi8-r", "\xf0\xf2", "\xd0\x9f\xd0\xa0"},
      {"iso-2022-jp", "\x1b$B4A;z\x1b(B", "\xe6\xbc\xa2\xe5\xad\x97"},
      {"shift_jis", "\x8a\xbf", "\xe6\xbc\xa2"},
      {"gb18030", "\xba\xba", "\xe6\xb1\x89"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.charset);
    CHECK(to_utf8(row.charset, row.text) == row.utf8);
    auto decoder = CharsetDecoder::make(row.charset);
    REQUIRE(decoder.has_value());
    std::string in_pieces;
    for (const char* c = row.text; *c; ++c) decoder->feed(std::string_view(c, 1), in_pieces);
    decoder->finish(in_pieces);
    CHECK(in_pieces == row.utf8);
  }
}

TEST_CASE("unknown charsets, and names with iconv's options, are refused") {
  for (const char* charset : {"klingon", "utf-8//TRANSLIT", "../x", "a b", "utf-8\n"}) {
    CAPTURE(charset);
    CHECK(is_known_charset(charset) == (std::string_view(charset) == "utf-8\n"));
  }
}

TEST_CASE("comparison ignores case and composition in every script") {
  struct Row {
    const char* text;
    const char* key;
    bool contained;
  };
  const Row rows[] = {
      {"Hello World", "WORLD", true},
      {"Hello World", "", true},
      {"", "x", false},
      {"", "", true},
      {"J\xc3\x96RG", "j\xc3\xb6rg", true},
      {"Jo\xcc\x88rg", "J\xc3\x96RG", true},
      {"STRASSE",
       "stra\xc3\x9f"
       "e",
       true},
      {"\xd0\x9f\xd0\xa0\xd0\x98", "\xd0\xbf\xd1\x80\xd0\xb8", true},
      {"\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x82", true},
      {"caf\xc3\xa9", "coffee", false},
      {"a\xff", "A", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(contains_folded(row.text, row.key) == row.contained);
  }
}

TEST_CASE("UTF-8 is checked strictly") {
  CHECK(is_utf8("\xf0\x9f\x98\x80"));
  for (const char* text : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xc3"}) {
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("the UTF-8 at the front of any octets is what libunistring finds, one after the other") {
  std::mt19937 random(5);
  const std::string octets = "ab cdefgh\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc0\xed\xa0";
  const std::vector<std::string> pieces{"plain text ", "\xc3\xa9", "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80"};
  std::size_t whole = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto left = random() % 8; left > 0; --left) text += pieces[random() % pieces.size()];
    if (i % 2 == 0) text += octets[random() % octets.size()];
    if (i % 4 == 0) text += pieces[random() % pieces.size()];
    const auto* begin = reinterpret_cast<const std::uint8_t*>(text.data());
    const auto* bad = u8_check(begin, text.size());
    auto expected = bad == nullptr ? text.size() : static_cast<std::size_t>(bad - begin);
    CAPTURE(text);
    REQUIRE(utf8_octets(text) == expected);
    whole += bad == nullptr ? 1 : 0;
  }
  CHECK(whole > 5'000);
  CHECK(whole < 18'000);
}
