#include "store/maps/key_template.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost::store;

namespace {

std::string in_brackets(std::string_view part) { return "[" + std::string(part) + "]"; }

// The query for a key; `-` where it is not asked for.
std::string query(std::string_view text, std::string_view key) {
  auto made = KeyTemplate::parse(text, KeyTemplate::Of::Key);
  REQUIRE(made);
  return made->serves(key) ? made->for_key(key, in_brackets) : "-";
}

std::string result(std::string_view text, std::string_view value, std::string_view key) {
  auto made = KeyTemplate::parse(text, KeyTemplate::Of::Value);
  REQUIRE(made);
  if (!made->serves(key)) return "-";
  return made->for_value(value, key).value_or("none");
}

}  // namespace

TEST_CASE("a query is filled in from the key, each part quoted") {
  constexpr std::string_view key = "ann@mail.example.com";
  CHECK(query("a=%s", key) == "a=[ann@mail.example.com]");
  CHECK(query("%u at %d", key) == "[ann] at [mail.example.com]");
  CHECK(query("%1 %2 %3", key) == "[com] [example] [mail]");
  CHECK(query("%S%U%D", key) == "[ann@mail.example.com][ann][mail.example.com]");
  CHECK(query("100%% %s", key) == "100% [ann@mail.example.com]");
  CHECK(query("%u", "ann") == "[ann]");
  CHECK(query("%u %d", "a@b@c.d") == "[a@b] [c.d]");
}

TEST_CASE("a key that lacks a part of the query is not asked for") {
  CHECK(query("%d", "ann") == "-");
  CHECK(query("%d", "ann@") == "-");
  CHECK(query("%u", "@example.com") == "-");
  CHECK(query("%4", "ann@mail.example.com") == "-");
  CHECK(query("%1", "ann@") == "-");
  CHECK(query("%2", "ann@example..com") == "-");
  CHECK(query("%3", "ann@.example.com") == "-");
  CHECK(query("%s", "") == "-");
}

TEST_CASE("a result is filled in from the value, and by capital letters and digits from the key") {
  CHECK(result("%s", "bob@example.org", "x") == "bob@example.org");
  CHECK(result("%u+%U@%d", "bob@example.org", "ann@here.test") == "bob+ann@example.org");
  CHECK(result("smtp:[%s]:%2%%", "mx", "ann@here.test") == "smtp:[mx]:here%");
  CHECK(result("%d", "bob", "ann@here.test") == "none");
  CHECK(result("%u", "@example.org", "ann@here.test") == "none");
  CHECK(result("%s", "", "ann@here.test") == "none");
  CHECK(result("%D", "bob", "ann") == "-");
}

TEST_CASE("what a template fills in must be known, and is told where it is not in quotes") {
  for (const char* wrong : {"%z", "%", "%0", "%s %"}) {
    CAPTURE(wrong);
    CHECK_FALSE(KeyTemplate::parse(wrong, KeyTemplate::Of::Key));
  }
  auto unquoted = [](std::string_view text, std::string_view quotes) {
    return KeyTemplate::parse(text, KeyTemplate::Of::Key)->unquoted(quotes);
  };
  CHECK(unquoted("a = '%s' AND b = '%u'", "'") == "");
  CHECK(unquoted("a = %s", "'") == "%s");
  CHECK(unquoted("a = '%s' AND b = %d", "'") == "%d");
  CHECK(unquoted("a = \"%s\"", "'") == "%s");
  CHECK(unquoted("a = \"%s\"", "'\"") == "");
  CHECK(unquoted("a = \"it's\" AND b = %s", "'\"") == "%s");
  CHECK(unquoted("nothing", "'") == "");
}
