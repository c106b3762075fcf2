#include "imapd/response/strings.h"

#include <doctest/doctest.h>

using namespace pennypost::imap;

namespace {
template <class F>
std::string made(F f) {
  std::string out;
  f(out);
  return out;
}
}  // namespace

TEST_CASE("a text is written in the first notation that can carry it") {
  struct Row {
    std::string text;
    std::string astring;
    std::string string;
  };
  const Row rows[] = {
      {"INBOX", "INBOX", "\"INBOX\""},
      {"", "\"\"", "\"\""},
      {"a b", "\"a b\"", "\"a b\""},
      {"a\"b\\", "\"a\\\"b\\\\\"", "\"a\\\"b\\\\\""},
      {"nil", "\"nil\"", "\"nil\""},
      {"a]b", "a]b", "\"a]b\""},
      {"50%", "\"50%\"", "\"50%\""},
      {"a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb"},
      {"\xc3\xbc", "{2}\r\n\xc3\xbc", "{2}\r\n\xc3\xbc"},
      {std::string("a\0b", 3), "\"ab\"", "\"ab\""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(made([&](auto& out) { append_string(out, row.text); }) == row.string);
    if (row.text.find('\0') == std::string::npos) {
      CHECK(made([&](auto& out) { append_astring(out, row.text); }) == row.astring);
    }
  }
  std::string long_text(2000, 'x');
  CHECK(made([&](auto& out) { append_string(out, long_text); }).starts_with("{2000}\r\nxx"));
  CHECK(made([&](auto& out) { append_nstring(out, std::nullopt); }) == "NIL");
  CHECK(made([&](auto& out) { append_list(out, {"a", "b"}); }) == "(a b)");
  CHECK(made([&](auto& out) { append_list(out, {}); }) == "()");
}
