#include "common/base/template.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("names in a text give way to their values, and what is no name stays") {
  auto value = [](std::string_view name) {
    return std::string(name == "a" ? "A" : name == "long_1" ? "L" : "");
  };
  struct Row {
    const char* text;
    const char* result;
  };
  for (const Row& row : {
           Row{"$a b $long_1.", "A b L."},
           Row{"${a}$(a)${ a }", "AAA"},
           Row{"$none|${none}", "|"},
           Row{"${a?yes $a}${none?no}", "yes A"},
           Row{"${a:no}${none:yes ${a?$a}}", "yes A"},
           Row{"$$a costs $5 $", "$a costs  $"},
           Row{"${a", "${a"},
           Row{"", ""},
       }) {
    CAPTURE(row.text);
    CHECK(fill_in(row.text, value) == row.result);
  }
}

TEST_CASE("a text that grows by its values is cut, and braces in braces come to an end") {
  auto value = [](std::string_view) { return std::string(1000, 'x'); };
  std::string many;
  for (int i = 0; i < 100; ++i) many += "$a";
  CHECK(fill_in(many, value).size() == template_bytes_max);
  std::string deep = "end";
  for (int i = 0; i < 2 * template_depth_max; ++i) deep = "${a?" + deep + "}";
  CHECK(fill_in(deep, value).empty());
}
