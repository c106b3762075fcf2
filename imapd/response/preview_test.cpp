#include "imapd/response/preview.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

TEST_CASE("a preview has the first words, without what is quoted") {
  struct Row {
    const char* body;
    bool is_html;
    const char* preview;
  };
  const Row rows[] = {
      {"one\r\ntwo\tthree  four\r\n", false, "one two three four"},
      {"", false, ""},
      {" \r\n\r\n", false, ""},
      {"On Monday Ann wrote:\r\n> old\r\n>> older\r\nnew", false, "new"},
      {"> only old", false, "> only old"},
      {"see:\r\nnothing quoted", false, "see: nothing quoted"},
      {"<html><head><title>t</title></head><body>Hi<br>you</body></html>", true, "Hi you"},
      {"<STYLE>a{}</STYLE><script>x<y</script>z", true, "z"},
      {"a<!-- b > c -->d", true, "a d"},
      {"&lt;b&gt; &amp;&#65;&#x42; &nope; &#xd800; &", true, "<b> &AB &nope; &"},
      {"&#8364;", true, "\xe2\x82\xac"},
      {"a<b", true, "a"},
      {"<!-- open", true, ""},
      {"<style>open", true, ""},
      {"x &#", true, "x &#"},
      {"x &#; &#x; &#12345678901234567890;", true, "x &#; &#x; &#12345678901234567890;"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    CHECK(preview_of(row.body, row.is_html) == row.preview);
  }
}

TEST_CASE("a preview ends after 200 characters, between two") {
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "\xc3\xbc";
  CHECK(preview_of(umlauts, false) == umlauts.substr(0, 2 * preview_characters));
  // What is no UTF-8 does not make it longer.
  CHECK(preview_of(std::string(9000, '\x80'), false).size() <= 4 * preview_characters);
  std::string words;
  for (int i = 0; i < 100; ++i) words += "abc ";
  auto preview = preview_of(words, false);
  CHECK(preview.size() <= preview_characters);
  CHECK(preview.size() > preview_characters - 4);
  CHECK_FALSE(preview.ends_with(' '));
}

TEST_CASE("a preview looks for its words no further than preview_octets_max") {
  CHECK(preview_of(std::string(preview_octets_max - 1, ' ') + "xyz", false) == "x");
  CHECK(preview_of(std::string(preview_octets_max, ' ') + "xyz", false).empty());
}
