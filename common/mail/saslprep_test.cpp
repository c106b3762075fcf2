#include "common/mail/saslprep.h"

#include <doctest/doctest.h>

#include <string>

using namespace pennypost;

TEST_CASE("SASLprep gives the examples of RFC 4013 section 3") {
  CHECK(*saslprep("I\xc2\xadX") == "IX");
  CHECK(*saslprep("user") == "user");
  CHECK(*saslprep("USER") == "USER");
  CHECK(*saslprep("\xc2\xaa") == "a");
  CHECK(*saslprep("\xe2\x85\xa8") == "IX");
  CHECK_FALSE(saslprep("\x07"));
  CHECK_FALSE(saslprep("\xd8\xa7\x31"));
}

TEST_CASE("two ways to type one password give one form, and nonsense gives none") {
  CHECK(*saslprep("u\xcc\x88") == *saslprep("\xc3\xbc"));
  CHECK(*saslprep("a\xc2\xa0"
                  "b") == "a b");
  CHECK(*saslprep("\xe2\x80\x8b") == "");
  CHECK(*saslprep("") == "");
  CHECK(*saslprep("\xd7\xa9\xd7\x9c") == "\xd7\xa9\xd7\x9c");
  for (const char* text : {"\xff", "a\xc0\x80", "\xee\x80\x80", "\xef\xbf\xbe", "\xd7\xa9x"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(saslprep(text));
  }
  CHECK_FALSE(saslprep(std::string_view("a\0b", 3)));
}
