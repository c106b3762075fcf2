#include "imapd/order/base_subject.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("the base subject is what is left without the marks of replies, forwards and lists") {
  struct Row {
    const char* field;
    const char* text;
    bool is_reply;
  };
  const Row rows[] = {
      {"hello", "hello", false},
      {"Re: hello", "hello", true},
      {"  RE:  Re : Fwd: fw: hello ", "hello", true},
      {"Re[2]: hello", "hello", true},
      {"[list] hello", "hello", false},
      {"[list] [more] Re: hello", "hello", true},
      {"Re: [list] Re: [x] hello (fwd) (FWD)", "hello", true},
      {"[fwd: hello]", "hello", true},
      {"[Fwd: [list] Re: hello (fwd)]", "hello", true},
      {"[list]", "[list]", false},
      {"Re: [list]", "[list]", true},
      {"[a[b] hello", "[a[b] hello", false},
      {"[list hello", "[list hello", false},
      {"regarding: hello", "regarding: hello", false},
      {"re hello", "re hello", false},
      {"Re:", "", true},
      {"", "", false},
      {" \t ", "", false},
      {"(fwd)", "", true},
      {"one\t two   three", "one two three", false},
      {"=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=",
       "Gr\xc3\xbc\xc3\x9f"
       "e",
       true},
      {"[fwd:", "[fwd:", false},
      {"[fwd:]", "", true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.field);
    auto subject = base_subject(row.field);
    CHECK(subject.text == row.text);
    CHECK(subject.is_reply == row.is_reply);
  }
}

TEST_CASE("texts are compared ignoring case, and letters come before what stands after capitals") {
  CHECK(collation_key("Stra\xc3\x9f"
                      "e") == collation_key("STRASSE"));
  CHECK(collation_key("abc") == collation_key("ABC"));
  CHECK(collation_key("a") < collation_key("_"));
  CHECK(collation_key("") < collation_key("a"));
}
