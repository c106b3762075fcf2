#include "store/maildir/keywords.h"

#include <doctest/doctest.h>

#include "store/mailbox/keyword.h"

using namespace pennypost::store;

TEST_CASE("a keyword that IMAP could not show is as if it were not in the file") {
  auto names =
      parse_keywords("0 $Forwarded\n1 ok) UID 9 FLAGS (\n2 a\rb\n3 \\Seen\n4 work\n26 x\n");
  CHECK(names == std::vector<std::string>{"$Forwarded", "", "", "", "work"});
}

TEST_CASE("a keyword is an atom of at most 255 characters") {
  for (const char* name : {"work", "$MDNSent", "NonJunk", "a+b", "[x"}) CHECK(is_keyword(name));
  for (const char* name : {"", "a b", "a(", ")", "{5}", "%", "*", "\"", "\\Seen", "x]", "\x7f",
                           "\xc3\xa4", "a\r", "a\tb"}) {
    CHECK_FALSE(is_keyword(name));
  }
  CHECK(is_keyword(std::string(255, 'a')));
  CHECK_FALSE(is_keyword(std::string(256, 'a')));
}
