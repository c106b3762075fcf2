#include "common/mailauth/tag_list.h"

#include <doctest/doctest.h>

using namespace pennypost;

TEST_CASE("a tag list is read with blanks and folds anywhere, and one semicolon at its end") {
  std::string_view text = " v=1;\r\n\ta = rsa-sha256 ;b=\r\n AA\r\n BB ; e=; ";
  auto list = TagList::parse(text);
  REQUIRE(list);
  CHECK(list->tags().size() == 4);
  CHECK(list->value("v") == "1");
  CHECK(list->value("a") == "rsa-sha256");
  CHECK(list->value("b") == "AA\r\n BB");
  CHECK(list->value("e") == "");
  CHECK(!list->value("V"));
  const Tag* tag = list->find("b");
  CHECK(text.substr(tag->begin, tag->end - tag->begin) == "\r\n AA\r\n BB ");
}

TEST_CASE("what is no tag list is refused with its mistake") {
  auto error = [](std::string_view text) { return TagList::parse(text).error().text(); };
  CHECK(error("") == "an empty tag");
  CHECK(error(";") == "an empty tag");
  CHECK(error("a=1;;b=2") == "an empty tag");
  CHECK(error("a=1; b") == "a tag without =: b");
  CHECK(error("1a=1") == "a malformed tag: 1a=1");
  CHECK(error("a b=1") == "a malformed tag: a b=1");
  CHECK(error(std::string_view("a=1\0", 4)) == "a malformed tag: a=1?");
  CHECK(error("a=1; b=2; a=1") == "the tag a twice");
  std::string many;
  for (std::size_t i = 0; i <= tags_max; ++i) many += "a" + std::to_string(i) + "=;";
  CHECK(error(many) == "more than 64 tags");
}

TEST_CASE("base64 in a tag may be folded and lack its padding") {
  CHECK(tag_base64("Zm9v\r\n YmE=") == "fooba");
  CHECK(tag_base64("Zm9vYmE") == "fooba");
  CHECK(!tag_base64("Zm9vY"));
  CHECK(!tag_base64("Zm9v!mE="));
  CHECK(colon_list(" a : b\r\n :c") == std::vector<std::string_view>{"a", "b", "c"});
}
